//! Channel subscriptions: one route for broadcasters, another for viewers asking about themselves.

use http::StatusCode;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::call::{Answer, MOST, PAGE, Parameters};
use crate::world::{ChannelSubscription, State};

/// The scope with which an Extension's app token may ask about a broadcaster who granted it.
const GRANTED_TO_EXTENSIONS: &str = "channel:read:subscriptions";

/// Whether the caller has the app token of an Extension to which the broadcaster has granted that scope.
fn is_extensions(state: &State, caller: &Caller, broadcaster: &str) -> bool {
    caller.is_app()
        && state.records.extensions.has(&[caller.client()])
        && state.has_granted(caller.client(), broadcaster, GRANTED_TO_EXTENSIONS)
}

/// `GET /helix/subscriptions`: <https://dev.twitch.tv/docs/api/reference/#get-broadcaster-subscriptions>
///
/// If everybody subscribes, only the requested users are listed: the list would be endless.
pub(super) fn of_broadcaster(state: &mut State, caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    let broadcaster = parameters.one("broadcaster_id");
    if !broadcaster.as_ref().is_ok_and(|id| is_extensions(state, caller, id)) {
        caller.needs_user(&["channel:read:subscriptions"])?;
    }
    let broadcaster = broadcaster?;
    caller.needs_to_be("broadcaster_id", broadcaster)?;
    let wanted = parameters.many("user_id")?;
    let all: Vec<_> =
        state.records.subscriptions.iter().filter(|of| of.broadcaster_id == broadcaster).cloned().collect();
    let shown: Vec<_> = if wanted.is_empty() {
        all.clone()
    } else {
        wanted.iter().filter_map(|user| state.subscription(broadcaster, user)).collect()
    };
    let counted = if state.records.everybody_subscribes { &shown } else { &all };
    let (total, points) = (counted.len(), counted.iter().map(|of| of.tier.points()).sum::<u32>());
    let rows = shown.iter().map(|of| (of.user_id.clone(), row(state, of))).collect();
    let (data, pagination) = parameters.page(rows, if wanted.is_empty() { PAGE } else { MOST }, MOST)?;
    Ok(Answer::ok(json!({"data": data, "pagination": pagination, "total": total, "points": points})))
}

fn row(state: &State, of: &ChannelSubscription) -> Value {
    let (broadcaster, user) = (state.broadcaster(&of.broadcaster_id), state.user(&of.user_id).unwrap_or_default());
    let gifter = of.gifter_id.as_ref().and_then(|id| state.user(id)).unwrap_or_default();
    json!({
        "broadcaster_id": broadcaster.id,
        "broadcaster_login": broadcaster.login(),
        "broadcaster_name": broadcaster.name(),
        "gifter_id": gifter.id,
        "gifter_login": gifter.login(),
        "gifter_name": gifter.name(),
        "is_gift": of.gifter_id.is_some(),
        "plan_name": format!("Channel Subscription ({})", broadcaster.login()),
        "tier": of.tier,
        "user_id": user.id,
        "user_login": user.login(),
        "user_name": user.name(),
    })
}

/// `GET /helix/subscriptions/user`: <https://dev.twitch.tv/docs/api/reference/#check-user-subscription>
pub(super) fn of_viewer(state: &mut State, caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    let broadcaster = parameters.one("broadcaster_id");
    if !broadcaster.as_ref().is_ok_and(|id| is_extensions(state, caller, id)) {
        caller.needs_user(&["user:read:subscriptions"])?;
    }
    let (broadcaster, user) = (broadcaster?, parameters.one("user_id")?);
    caller.needs_to_be("user_id", user)?;
    let Some(of) = state.subscription(broadcaster, user) else {
        let message = format!("{user} has no subscription to {broadcaster}");
        return Ok(Answer::error(StatusCode::NOT_FOUND, &message));
    };
    let channel = state.broadcaster(broadcaster);
    let mut row = json!({
        "broadcaster_id": channel.id,
        "broadcaster_login": channel.login(),
        "broadcaster_name": channel.name(),
        "is_gift": of.gifter_id.is_some(),
        "tier": of.tier,
    });
    if let Some(gifter) = of.gifter_id.as_ref().and_then(|id| state.user(id)) {
        row["gifter_id"] = gifter.id.as_str().into();
        row["gifter_login"] = gifter.login().into();
        row["gifter_name"] = gifter.name().into();
    }
    Ok(Answer::data(vec![row]))
}
