//! Get Authorization By User (<https://dev.twitch.tv/docs/api/reference/#get-authorization-by-user>).

use serde_json::json;

use super::caller::Caller;
use crate::call::{Answer, Parameters, bad_request, unauthorized};
use crate::world::State;

/// How many users can be requested together.
const MOST: usize = 10;

pub(super) fn get(state: &mut State, caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    if caller.needs_app().is_err() {
        return Err(unauthorized("Missing App OAUTH Token"));
    }
    let wanted = parameters.many("user_id")?;
    if wanted.is_empty() || wanted.len() > MOST {
        return Err(bad_request(&format!("The number of user_id parameters must be from 1 to {MOST}")));
    }
    let users = wanted.into_iter().filter_map(|id| state.user(id));
    let rows = users.map(|user| {
        let grant = state.grant(caller.client(), &user.id);
        json!({
            "user_id": user.id,
            "user_login": user.login(),
            "user_name": user.name(),
            "scopes": grant.map_or(&[][..], |grant| &grant.scopes),
            "has_authorized": grant.is_some(),
        })
    });
    Ok(Answer::data(rows.collect()))
}
