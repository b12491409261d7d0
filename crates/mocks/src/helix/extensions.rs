//! The calls of an Extension's backend: configurations, `PubSub`, chat and secrets
//! (<https://dev.twitch.tv/docs/api/reference/#get-extension-configuration-segment>). Each call carries a token that
//! the backend has signed itself.

use http::{HeaderMap, StatusCode};
use mgm_twitch::eventsub::format_timestamp;
use mgm_twitch::extension_jwt::ExtensionKeys;
use serde_json::json;
use time::Duration;

use super::caller::bearer;
use crate::call::{Answer, CLIENT_ID, Parameters, bad_request, text, unauthorized};
use crate::world::State;
use crate::world::extensions::ExtensionSecret;

/// The segments of a configuration.
const SEGMENTS: [&str; 3] = ["broadcaster", "developer", "global"];
/// The longest content of a segment, and the longest `PubSub` message, in bytes.
const MAX_CONTENT: usize = 5 * 1024;
/// The longest chat message, in characters.
const MAX_TEXT: usize = 280;
/// How often a segment may be read or written per minute.
const CONFIGURATIONS: u32 = 20;
/// How many `PubSub` messages are allowed per minute, for each Extension and channel.
const MESSAGES: u32 = 100;
/// How many chat messages are allowed per minute, for each Extension and channel.
const LINES: u32 = 12;
/// The minimum delay before a new secret signs, in seconds.
const MIN_DELAY: u32 = 300;

/// Authenticates the Extension whose backend calls.
pub(super) fn of(state: &State, headers: &HeaderMap) -> Result<String, Answer> {
    let (token, id) = (bearer(headers), text(headers, CLIENT_ID).trim().to_owned());
    if !state.strict {
        return Ok(id);
    }
    let token = token.ok_or_else(|| unauthorized("OAuth token is missing"))?;
    let extension = state.records.extensions.get(&[&id]).ok_or_else(|| unauthorized("Invalid client id"))?;
    let verified = state
        .signing_secrets(&id)
        .find_map(|secret| ExtensionKeys::parse(secret.content.text()).ok()?.verify(&token, None, state.now).ok());
    let claims = verified.ok_or_else(|| unauthorized("JWT could not be verified"))?;
    let is_backends = claims.role.as_deref() == Some("external")
        && extension.owner_id.as_ref().is_none_or(|owner| claims.viewer_id.as_ref() == Some(owner));
    if is_backends { Ok(id) } else { Err(unauthorized("JWT is not of the Extension's backend")) }
}

fn no_user(state: &State, broadcaster: &str) -> Result<(), Answer> {
    if state.user(broadcaster).is_some() { Ok(()) } else { Err(bad_request("The broadcaster_id does not exist")) }
}

/// Takes one unit of a rate per minute; not limited unless the rules are enforced.
fn take(state: &mut State, bucket: &[&str], per_minute: u32) -> Result<(), Answer> {
    let level = if state.strict { state.take(&bucket.join(" "), per_minute) } else { None };
    match level {
        Some(level) if !level.taken => Err(Answer::error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")),
        Some(_) | None => Ok(()),
    }
}

/// The requested segment and its channel.
fn segment<'a>(segment: &'a str, parameters: &'a Parameters) -> Result<(&'a str, &'a str), Answer> {
    if !SEGMENTS.contains(&segment) {
        return Err(bad_request("The value of segment is not valid"));
    }
    let broadcaster = if segment == "global" { "" } else { parameters.one("broadcaster_id")? };
    Ok((segment, broadcaster))
}

fn is_itself(extension: &str, parameters: &Parameters) -> Result<(), Answer> {
    let named = parameters.one("extension_id")?;
    if extension.is_empty() || named == extension {
        Ok(())
    } else {
        Err(unauthorized("The ID in extension_id must match the client ID"))
    }
}

pub(super) fn configuration(state: &mut State, extension: &str, parameters: &Parameters) -> Result<Answer, Answer> {
    is_itself(extension, parameters)?;
    let wanted = parameters.many("segment")?;
    if wanted.is_empty() {
        return Err(bad_request("Missing required parameter \"segment\""));
    }
    let mut rows = vec![];
    for name in wanted {
        let (name, broadcaster) = segment(name, parameters)?;
        take(state, &["configurations", extension, name, broadcaster], CONFIGURATIONS)?;
        if let Some((content, version)) = state.configurations.get(&[extension, name, broadcaster].join(" ")) {
            let mut row = json!({"segment": name, "content": content, "version": version});
            if name != "global" {
                row["broadcaster_id"] = broadcaster.into();
            }
            rows.push(row);
        }
    }
    Ok(Answer::data(rows))
}

pub(super) fn configure(state: &mut State, extension: &str, parameters: &Parameters) -> Result<Answer, Answer> {
    is_itself(extension, parameters)?;
    let (name, broadcaster) = segment(parameters.one("segment")?, parameters)?;
    let content = parameters.get("content").unwrap_or_default();
    if content.len() > MAX_CONTENT {
        return Err(bad_request(&format!("The content is longer than {MAX_CONTENT} bytes")));
    }
    if name != "global" {
        no_user(state, broadcaster)?;
    }
    take(state, &["configurations", extension, name, broadcaster], CONFIGURATIONS)?;
    let version = parameters.get("version").unwrap_or_default();
    let key = [extension, name, broadcaster].join(" ");
    state.configurations.put(key, (content.to_owned(), version.to_owned()));
    Ok(Answer::done())
}

pub(super) fn required(state: &mut State, extension: &str, parameters: &Parameters) -> Result<Answer, Answer> {
    is_itself(extension, parameters)?;
    no_user(state, parameters.one("broadcaster_id")?)?;
    parameters.one("extension_version")?;
    parameters.one("required_configuration")?;
    Ok(Answer::done())
}

pub(super) fn publish(state: &mut State, extension: &str, parameters: &Parameters) -> Result<Answer, Answer> {
    let targets = parameters.many("target")?;
    let is_target = |target: &str| ["broadcast", "global"].contains(&target) || target.starts_with("whisper-");
    if targets.is_empty() || !targets.iter().all(|target| is_target(target)) {
        return Err(bad_request("The value of target is not valid"));
    }
    let is_global = parameters.flag("is_global_broadcast")?.unwrap_or(false);
    if is_global != targets.contains(&"global") {
        return Err(bad_request("is_global_broadcast is for the target global"));
    }
    let broadcaster = if is_global { "" } else { parameters.one("broadcaster_id")? };
    if !is_global {
        no_user(state, broadcaster)?;
    }
    if parameters.one("message")?.len() > MAX_CONTENT {
        let message = format!("The message is longer than {MAX_CONTENT} bytes");
        return Err(Answer::error(StatusCode::UNPROCESSABLE_ENTITY, &message));
    }
    take(state, &["pubsub", extension, broadcaster], MESSAGES)?;
    Ok(Answer::done())
}

pub(super) fn say(state: &mut State, extension: &str, parameters: &Parameters) -> Result<Answer, Answer> {
    is_itself(extension, parameters)?;
    let broadcaster = parameters.one("broadcaster_id")?;
    no_user(state, broadcaster)?;
    parameters.one("extension_version")?;
    if parameters.one("text")?.chars().count() > MAX_TEXT {
        return Err(bad_request(&format!("The text is longer than {MAX_TEXT} characters")));
    }
    take(state, &["chat", extension, broadcaster], LINES)?;
    Ok(Answer::done())
}

fn shown(state: &State, extension: &str) -> Answer {
    let row = |secret: &ExtensionSecret| {
        json!({
            "content": secret.content.text(),
            "active_at": format_timestamp(secret.active_at),
            "expires_at": format_timestamp(secret.expires_at),
        })
    };
    let secrets: Vec<_> =
        state.secrets_of(extension).iter().filter(|one| state.now < one.expires_at).map(row).collect();
    Answer::data(vec![json!({"format_version": 1, "secrets": secrets})])
}

pub(super) fn secrets(state: &mut State, extension: &str, parameters: &Parameters) -> Result<Answer, Answer> {
    is_itself(extension, parameters)?;
    Ok(shown(state, extension))
}

pub(super) fn new_secret(state: &mut State, extension: &str, parameters: &Parameters) -> Result<Answer, Answer> {
    is_itself(extension, parameters)?;
    let delay = parameters.number("delay")?.unwrap_or(MIN_DELAY);
    if delay < MIN_DELAY {
        return Err(bad_request(&format!("The delay is at least {MIN_DELAY} seconds")));
    }
    state.new_secret(extension, Duration::seconds(delay.into()));
    Ok(shown(state, extension))
}
