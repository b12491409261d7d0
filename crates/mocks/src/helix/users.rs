//! Get Users (<https://dev.twitch.tv/docs/api/reference/#get-users>).

use serde_json::{Value, json};

use super::caller::Caller;
use crate::call::{Answer, MOST, Parameters, bad_request};
use crate::world::{State, User};

pub(super) fn get(state: &mut State, caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    let (ids, logins) = (parameters.many("id")?, parameters.many("login")?);
    if ids.len() + logins.len() > MOST {
        return Err(bad_request(&format!("The number of id and login parameters is more than {MOST}")));
    }
    let own = match caller {
        Caller::Anybody(None) => Some(state.anybody().0),
        Caller::Anybody(_) | Caller::Known(_) | Caller::FrontEnd(_) => caller.user().map(str::to_owned),
    };
    let users: Vec<User> = if ids.is_empty() && logins.is_empty() {
        let own = own.as_deref().ok_or_else(|| bad_request("The parameter \"id\" or \"login\" is required"))?;
        state.user(own).into_iter().collect()
    } else {
        let by_id = ids.into_iter().filter_map(|id| state.user(id));
        by_id.chain(logins.into_iter().filter_map(|login| state.user_by_login(login))).collect()
    };
    let may_see = |user: &User| own.as_ref() == Some(&user.id) && caller.has("user:read:email");
    Ok(Answer::data(users.iter().map(|user| row(user, may_see(user))).collect()))
}

fn row(user: &User, with_email: bool) -> Value {
    let mut row = json!({
        "id": user.id,
        "login": user.login(),
        "display_name": user.name(),
        "type": user.kind,
        "broadcaster_type": user.broadcaster_type,
        "description": user.description,
        "profile_image_url": format!("https://static-cdn.jtvnw.net/jtv_user_pictures/{}-profile_image-300x300.png", user.id),
        "offline_image_url": "",
        "view_count": 0,
        "created_at": user.created_at,
    });
    if let Some(email) = user.email.as_ref().filter(|_| with_email) {
        row["email"] = email.as_str().into();
    }
    row
}
