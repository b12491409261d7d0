//! Subscribers of a channel: everybody whose user id does not start with `nosub-`. The broadcaster asks at one route,
//! viewers about themselves at the other.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use mgm_api_types::mocks::FaultRoute;
use serde_json::{Value, json};

use super::Helix;
use super::answer::Answer;
use super::caller::Caller;
use super::parameters::{Parameters, bad_request};

/// User ids with this prefix subscribe to no channel.
const NO_SUBSCRIBER: &str = "nosub-";

/// The maximum number of users that the broadcaster may ask about at once.
const MOST_USERS: usize = 100;

fn subscribes(user: &str) -> bool {
    !user.starts_with(NO_SUBSCRIBER)
}

/// `GET /helix/subscriptions`: <https://dev.twitch.tv/docs/api/reference/#get-broadcaster-subscriptions>
pub(super) async fn of_broadcaster(
    State(helix): State<Arc<Helix>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let found = helix.caller(&headers).and_then(|caller| list(&caller, &Parameters::of(query.as_deref())));
    helix.answer(found).await
}

/// `GET /helix/subscriptions/user`: <https://dev.twitch.tv/docs/api/reference/#check-user-subscription>
pub(super) async fn of_viewer(
    State(helix): State<Arc<Helix>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let found = helix.caller(&headers).and_then(|caller| check(&caller, &Parameters::of(query.as_deref())));
    helix.answer(found).await
}

impl Helix {
    async fn answer(&self, found: Result<Answer, Answer>) -> Response {
        match found {
            Ok(found) => {
                let effect = self.faults.next(FaultRoute::Subscription);
                effect.apply(|| found, Answer::ok(json!({"data": []}))).await
            }
            Err(refusal) => refusal.into_response(),
        }
    }
}

/// Only users who were asked about are listed, since everybody else subscribes.
fn list(caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    caller.needs_user("channel:read:subscriptions")?;
    let broadcaster = parameters.one("broadcaster_id")?;
    caller.needs_to_be("broadcaster_id", broadcaster)?;
    parameters.first()?;
    if parameters.all("user_id").count() > MOST_USERS {
        return Err(bad_request(&format!("The number of user_id parameters is more than {MOST_USERS}")));
    }
    let rows: Vec<Value> =
        parameters.all("user_id").filter(|user| subscribes(user)).map(|user| row(broadcaster, user)).collect();
    Ok(Answer::ok(json!({"data": rows, "pagination": {}, "total": rows.len(), "points": rows.len()})))
}

fn row(broadcaster: &str, user: &str) -> Value {
    json!({
        "broadcaster_id": broadcaster,
        "broadcaster_login": "streamer",
        "broadcaster_name": "Streamer",
        "gifter_id": "",
        "gifter_login": "",
        "gifter_name": "",
        "is_gift": false,
        "plan_name": "Channel Subscription (streamer)",
        "tier": "1000",
        "user_id": user,
        "user_login": user,
        "user_name": user,
    })
}

fn check(caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    caller.needs_user("user:read:subscriptions")?;
    let broadcaster = parameters.one("broadcaster_id")?;
    let user = parameters.one("user_id")?;
    caller.needs_to_be("user_id", user)?;
    if !subscribes(user) {
        let message = format!("{user} has no subscription to {broadcaster}");
        return Ok(Answer::error(StatusCode::NOT_FOUND, &message));
    }
    Ok(Answer::ok(json!({"data": [{
        "broadcaster_id": broadcaster,
        "broadcaster_login": "streamer",
        "broadcaster_name": "Streamer",
        "is_gift": false,
        "tier": "1000",
    }]})))
}
