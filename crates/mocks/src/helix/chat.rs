//! Send Chat Message (<https://dev.twitch.tv/docs/api/reference/#send-chat-message>).

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use mgm_api_types::mocks::{FaultRoute, LastRequest};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::answer::Answer;
use super::caller::Caller;
use super::faults::Effect;
use super::parameters::bad_request;
use super::tokens::{Holder, Kind};
use super::{CLIENT_ID, Helix, text};

/// How many sent messages are kept.
const SENT_KEPT: usize = 10_000;

/// The longest message, in characters.
const MAX_MESSAGE: usize = 500;

pub(super) async fn send(
    State(helix): State<Arc<Helix>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let id = helix.config.random.uuid();
    let checked = helix.caller(&headers).and_then(|caller| {
        if let Caller::Known(Holder { kind: Kind::User(_), .. }) = caller {
            caller.needs_user("user:write:chat")?;
        }
        let message = read(&body, query.as_deref())?;
        if let Caller::Known(holder) = &caller {
            helix.check(&caller, &message, holder)?;
        }
        Ok(message)
    });
    match checked {
        Ok(message) => {
            let take = || {
                helix.capture(&headers, message);
                Answer::ok(json!({"data": [{"message_id": id, "is_sent": true}]}))
            };
            let effect = helix.faults.next(FaultRoute::Chat);
            let not_sent = not_sent(if matches!(effect, Effect::Duplicate) { "msg_duplicate" } else { "msg_rejected" });
            effect.apply(take, not_sent).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn not_sent(code: &str) -> Answer {
    Answer::ok(json!({"data": [{
        "message_id": "",
        "is_sent": false,
        "drop_reason": {"code": code, "message": "A fault that was asked for."},
    }]}))
}

/// The parameters, documented as a body; some clients put some or all of them into the query.
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

impl Helix {
    /// Checks Twitch's conditions for a message.
    fn check(&self, caller: &Caller, message: &Map<String, Value>, holder: &Holder) -> Result<(), Answer> {
        let field = |name: &str| {
            let value = message.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
            value.ok_or_else(|| bad_request(&format!("Missing required parameter \"{name}\"")))
        };
        let (broadcaster, sender, text) = (field("broadcaster_id")?, field("sender_id")?, field("message")?);
        if text.chars().count() > MAX_MESSAGE {
            let message = format!("The message is longer than {MAX_MESSAGE} characters.");
            return Err(Answer::error(StatusCode::UNPROCESSABLE_ENTITY, &message));
        }
        if message.contains_key("for_source_only") && matches!(holder.kind, Kind::User(_)) {
            return Err(bad_request("The for_source_only parameter can only be used with an app access token."));
        }
        caller.may_write(&self.config.accounts, sender, broadcaster)
    }

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
