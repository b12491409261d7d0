//! Get Chatters (<https://dev.twitch.tv/docs/api/reference/#get-chatters>).

use serde_json::json;

use super::caller::Caller;
use crate::call::{Answer, Parameters};
use crate::world::State;

/// The default page size.
const PAGE: usize = 100;
/// The maximum page size.
const MOST: usize = 1000;

pub(super) fn get(state: &mut State, caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    caller.needs_user(&["moderator:read:chatters"])?;
    let (broadcaster, moderator) = (parameters.one("broadcaster_id")?, parameters.one("moderator_id")?);
    caller.needs_moderator(state, moderator, broadcaster)?;
    let users = state.chatters(broadcaster).into_iter().filter_map(|id| state.user(id));
    let rows: Vec<_> = users
        .map(|user| {
            let row = json!({"user_id": user.id, "user_login": user.login(), "user_name": user.name()});
            (user.id, row)
        })
        .collect();
    let total = rows.len();
    let (data, pagination) = parameters.page(rows, PAGE, MOST)?;
    Ok(Answer::ok(json!({"data": data, "pagination": pagination, "total": total})))
}
