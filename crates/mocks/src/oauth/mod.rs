//! Twitch's token service (<https://dev.twitch.tv/docs/authentication/>). Its errors have no `error`, unlike those of
//! Helix.

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

/// The routes below `/oauth2`, as Twitch has them, and below `/auth`, as the official tool has them: there `authorize`
/// issues any user's token to anybody.
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

/// A required parameter; `what` is its name in messages.
fn needed<'a>(parameters: &'a Parameters, name: &'a str, what: &str) -> Result<&'a str, Answer> {
    parameters.get(name).ok_or_else(|| refused(&format!("missing {what}")))
}

/// The client id, which must be known if the rules are enforced.
fn client<'a>(state: &State, parameters: &'a Parameters) -> Result<&'a str, Answer> {
    let id = needed(parameters, "client_id", "client id")?;
    if state.strict && !state.records.is_client(id) { Err(refused("invalid client")) } else { Ok(id) }
}

/// The client id, with proof by the secret.
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

/// The requested scopes, separated by blanks.
fn scopes(parameters: &Parameters) -> Vec<String> {
    let text = parameters.get("scope").or_else(|| parameters.get("scopes")).unwrap_or_default();
    text.split([' ', '+']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// The answer that issues a user's tokens.
fn users(Pair { access, refresh, scopes }: Pair) -> Answer {
    Answer::ok(json!({
        "access_token": access,
        "expires_in": USER_SECONDS,
        "refresh_token": refresh,
        "scope": scopes,
        "token_type": "bearer",
    }))
}
