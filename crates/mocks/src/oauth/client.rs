//! What clients send: who they are, and which scopes they ask for.

use http::StatusCode;

use super::answers::refused;
use crate::call::{Answer, Parameters};
use crate::world::State;

/// A required parameter; `what` is its name in messages.
pub(super) fn needed<'a>(parameters: &'a Parameters, name: &'a str, what: &str) -> Result<&'a str, Answer> {
    parameters.get(name).ok_or_else(|| refused(&format!("missing {what}")))
}

/// The client id, which must be known if the rules are enforced.
pub(super) fn client<'a>(state: &State, parameters: &'a Parameters) -> Result<&'a str, Answer> {
    let id = needed(parameters, "client_id", "client id")?;
    if state.strict && !state.records.is_client(id) { Err(refused("invalid client")) } else { Ok(id) }
}

/// The client id, with proof by the secret.
pub(super) fn proven_client<'a>(state: &State, parameters: &'a Parameters) -> Result<&'a str, Answer> {
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
pub(super) fn scopes(parameters: &Parameters) -> Vec<String> {
    let text = parameters.get("scope").or_else(|| parameters.get("scopes")).unwrap_or_default();
    text.split([' ', '+']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}
