//! Get Moderators (<https://dev.twitch.tv/docs/api/reference/#get-moderators>).

use serde_json::json;

use super::caller::Caller;
use crate::call::{Answer, MOST, PAGE, Parameters};
use crate::world::State;

pub(super) fn get(state: &mut State, caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    caller.needs_user(&["moderation:read", "channel:manage:moderators"])?;
    let broadcaster = parameters.one("broadcaster_id")?;
    caller.needs_to_be("broadcaster_id", broadcaster)?;
    let wanted = parameters.many("user_id")?;
    let moderators = state.records.moderators.iter().filter(|moderator| {
        moderator.broadcaster_id == broadcaster && (wanted.is_empty() || wanted.contains(&moderator.user_id.as_str()))
    });
    let rows = moderators
        .filter_map(|moderator| state.user(&moderator.user_id))
        .map(|user| {
            let row = json!({"user_id": user.id, "user_login": user.login(), "user_name": user.name()});
            (user.id, row)
        })
        .collect();
    let (data, pagination) = parameters.page(rows, PAGE, MOST)?;
    Ok(Answer::ok(json!({"data": data, "pagination": pagination})))
}
