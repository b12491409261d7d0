//! Send Chat Message (<https://dev.twitch.tv/docs/api/reference/#send-chat-message>).

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::caller::Caller;
use crate::call::{Answer, Call, MockTwitch, bad_request, forbidden};
use crate::events::{ChatLine, Hub};
use crate::world;
use crate::world::chat::Fate;

/// The longest message, in characters.
const MAX_MESSAGE: usize = 500;

pub(super) async fn send(State(helix): State<Arc<MockTwitch>>, call: Call) -> Answer {
    let checked = {
        let state = helix.world.enter();
        Caller::of(&state, &call.headers).and_then(|caller| {
            if !caller.is_app() {
                caller.needs_user(&["user:write:chat"])?;
            }
            let message = read(&call.body, call.query.as_deref())?;
            if let Caller::Known(_) = &caller {
                check(&state, &caller, &message)?;
                check_parent(&helix.hub, &message)?;
            }
            Ok(message)
        })
    };
    checked.map_or_else(|refusal| refusal, |message| helix.take(&call.headers, message))
}

/// A field of a message; empty if it is missing.
fn said<'a>(message: &'a Map<String, Value>, name: &str) -> &'a str {
    message.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The text that is shown. One that begins with `/` or `.` is taken for a command, of which only what follows its name is
/// shown (<https://github.com/twitchdev/issues/issues/1019>); two dots are no command.
fn shown(text: &str) -> &str {
    if text.starts_with("..") || !text.starts_with(['/', '.']) {
        return text;
    }
    text.split_once(' ').map_or("", |(_, rest)| rest.trim_start())
}

/// The answer for a message that was accepted but not shown.
pub(super) fn dropped(code: &str, message: &str) -> Answer {
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

/// Checks that the message to reply to can be replied to.
fn check_parent(hub: &Hub, message: &Map<String, Value>) -> Result<(), Answer> {
    let parent = said(message, "reply_parent_message_id");
    if parent.is_empty() || hub.can_reply_to(said(message, "broadcaster_id"), parent) {
        return Ok(());
    }
    Err(bad_request("The request's input was not valid. Message cannot be replied to."))
}

impl MockTwitch {
    /// Says a message that is valid, as far as the limits allow.
    fn take(&self, headers: &HeaderMap, message: Map<String, Value>) -> Answer {
        let (sender, broadcaster, typed) =
            (said(&message, "sender_id"), said(&message, "broadcaster_id"), said(&message, "message"));
        let mut state = self.world.enter();
        let text = if state.strict { shown(typed) } else { typed };
        if text.is_empty() && !typed.is_empty() {
            return dropped("msg_rejected", "Your message is being checked by mods and has not been sent.");
        }
        let fate = state.say(sender, broadcaster, text);
        drop(state);
        match fate {
            Fate::Sent => {
                let id = self.random.uuid().to_string();
                let parent = said(&message, "reply_parent_message_id");
                let line = ChatLine {
                    broadcaster_id: broadcaster.to_owned(),
                    user_id: sender.to_owned(),
                    text: text.to_owned(),
                    message_id: Some(id.clone()),
                    reply_to: Some(parent.to_owned()).filter(|parent| self.hub.can_reply_to(broadcaster, parent)),
                    ..ChatLine::default()
                };
                if let Err(reason) = self.hub.say(&line, false) {
                    tracing::warn!(?reason, "the readers of the chat are not notified");
                }
                self.sent.add(headers, &line.text, message);
                Answer::data(vec![json!({"message_id": id, "is_sent": true})])
            }
            Fate::Dropped(code, message) => dropped(code, message),
            Fate::TooMany => Answer::error(StatusCode::TOO_MANY_REQUESTS, "Too many messages"),
        }
    }
}
