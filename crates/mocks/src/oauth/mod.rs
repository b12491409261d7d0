//! Twitch's token service (<https://dev.twitch.tv/docs/authentication/>). Its errors name no `error`, unlike those of Helix.

mod authorize;
mod device;
mod revoke;
mod token;
mod validate;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::json;

use crate::call::{Answer, MockTwitch, Parameters};
use crate::world::State;
use crate::world::tokens::{Pair, USER_SECONDS};

/// The service below `/oauth2`, as Twitch has it, and below `/auth`, as the official tool has it: there `authorize` gives
/// anybody's token to whoever asks.
pub(crate) fn routes() -> Router<Arc<MockTwitch>> {
    let shared = |prefix: &str| {
        Router::new()
            .route(&format!("{prefix}/token"), post(token::token))
            .route(&format!("{prefix}/validate"), get(validate::validate))
            .route(&format!("{prefix}/revoke"), post(revoke::revoke))
            .route(&format!("{prefix}/device"), post(device::device))
            .route(&format!("{prefix}/authorize"), get(authorize::page))
    };
    shared("/oauth2")
        .route("/oauth2/authorize", post(authorize::approve))
        .merge(shared("/auth"))
        .route("/auth/authorize", post(authorize::give))
}

fn refused(message: &str) -> Answer {
    Answer::refused(StatusCode::BAD_REQUEST, message)
}

/// A parameter that has to be there; `what` is its name in words.
fn needed<'a>(parameters: &'a Parameters, name: &'a str, what: &str) -> Result<&'a str, Answer> {
    parameters.get(name).ok_or_else(|| refused(&format!("missing {what}")))
}

/// The client, which has to be known where the rules are held to.
fn client<'a>(state: &State, parameters: &'a Parameters) -> Result<&'a str, Answer> {
    let id = needed(parameters, "client_id", "client id")?;
    if state.strict && !state.records.is_client(id) { Err(refused("invalid client")) } else { Ok(id) }
}

/// The client, which has to prove itself.
fn proven_client<'a>(state: &State, parameters: &'a Parameters) -> Result<&'a str, Answer> {
    needed(parameters, "client_id", "client id")?;
    let secret = needed(parameters, "client_secret", "client secret")?;
    let id = client(state, parameters)?;
    let known = state.client(id).and_then(|client| client.secret.as_ref()).filter(|_| state.strict);
    if known.is_some_and(|known| known.text() != secret) {
        return Err(Answer::refused(StatusCode::FORBIDDEN, "invalid client secret"));
    }
    Ok(id)
}

/// The scopes that are asked for, separated by blanks.
fn scopes(parameters: &Parameters) -> Vec<String> {
    let text = parameters.get("scope").or_else(|| parameters.get("scopes")).unwrap_or_default();
    text.split([' ', '+']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// A user's tokens, as they are given out.
fn users(Pair { access, refresh, scopes }: Pair) -> Answer {
    Answer::ok(json!({
        "access_token": access,
        "expires_in": USER_SECONDS,
        "refresh_token": refresh,
        "scope": scopes,
        "token_type": "bearer",
    }))
}
