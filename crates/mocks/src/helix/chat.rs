//! Send Chat Message (<https://dev.twitch.tv/docs/api/reference/#send-chat-message>).

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use mgm_api_types::mocks::{FaultRoute, LastRequest};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::caller::Caller;
use crate::call::{Answer, CLIENT_ID, Call, MockTwitch, bad_request, forbidden, text};
use crate::world;
use crate::world::chat::Fate;

/// How many sent messages are kept.
const SENT_KEPT: usize = 10_000;

/// The longest message, in characters.
const MAX_MESSAGE: usize = 500;

pub(super) async fn send(State(helix): State<Arc<MockTwitch>>, call: Call) -> Response {
    let id = helix.random.uuid();
    let checked = {
        let state = helix.world.enter();
        Caller::of(&state, &call.headers).and_then(|caller| {
            if !caller.is_app() {
                caller.needs_user(&["user:write:chat"])?;
            }
            let message = read(&call.body, call.query.as_deref())?;
            if let Caller::Known(_) = &caller {
                check(&state, &caller, &message)?;
            }
            Ok(message)
        })
    };
    match checked {
        Ok(message) => {
            let take = || {
                let said = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
                let fate = helix.world.enter().say(said("sender_id"), said("broadcaster_id"), said("message"));
                match fate {
                    Fate::Sent => {
                        helix.capture(&call.headers, message);
                        Answer::data(vec![json!({"message_id": id, "is_sent": true})])
                    }
                    Fate::Dropped(code, message) => dropped(code, message),
                    Fate::TooMany => Answer::error(StatusCode::TOO_MANY_REQUESTS, "Too many messages"),
                }
            };
            let effect = helix.faults.next(FaultRoute::Chat);
            let (code, reason) = effect.drop_reason();
            let not_sent = dropped(code, reason);
            effect.apply(take, not_sent).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The answer for a message that was accepted but not shown.
fn dropped(code: &str, message: &str) -> Answer {
    let drop_reason = json!({"code": code, "message": message});
    Answer::data(vec![json!({"message_id": "", "is_sent": false, "drop_reason": drop_reason})])
}

/// The parameters: in the body, as documented; some clients put some or all of them in the query.
fn read(body: &[u8], query: Option<&str>) -> Result<Map<String, Value>, Answer> {
    let mut message = match serde_json::from_slice::<Map<String, Value>>(body) {
        Ok(message) => message,
        Err(_) if body.is_empty() && query.is_some() => Map::new(),
        Err(_) => return Err(bad_request("The request body is not a JSON object.")),
    };
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        message.entry(name).or_insert_with(|| value.as_ref().into());
    }
    Ok(message)
}

/// Checks a message by Twitch's rules.
fn check(state: &world::State, caller: &Caller, message: &Map<String, Value>) -> Result<(), Answer> {
    let field = |name: &str| {
        let value = message.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
        value.ok_or_else(|| bad_request(&format!("Missing required parameter \"{name}\"")))
    };
    let (broadcaster, sender, text) = (field("broadcaster_id")?, field("sender_id")?, field("message")?);
    if text.chars().count() > MAX_MESSAGE {
        let message = format!("The message is longer than {MAX_MESSAGE} characters.");
        return Err(Answer::error(StatusCode::UNPROCESSABLE_ENTITY, &message));
    }
    if message.contains_key("for_source_only") && !caller.is_app() {
        return Err(bad_request("The for_source_only parameter can only be used with an app access token."));
    }
    caller.may_write(state, sender, broadcaster)?;
    if state.user(broadcaster).is_none() {
        return Err(bad_request("The broadcaster_id does not exist"));
    }
    if state.records.bans.has(&[broadcaster, sender]) {
        return Err(forbidden("The sender is not permitted to send chat messages to the broadcaster's chat room."));
    }
    Ok(())
}

impl MockTwitch {
    fn capture(&self, headers: &HeaderMap, message: Map<String, Value>) {
        let mut sent = self.sent();
        sent.total += 1;
        if sent.messages.len() == SENT_KEPT {
            sent.messages.remove(0);
        }
        sent.messages.push(message.get("message").and_then(Value::as_str).unwrap_or_default().to_owned());
        drop(sent);
        *self.last_request() = LastRequest {
            captured: true,
            body: Some(message.into()),
            authorization_header: Some(text(headers, AUTHORIZATION.as_str())),
            client_id_header: Some(text(headers, CLIENT_ID)),
        };
    }
}
