//! `POST revoke`: <https://dev.twitch.tv/docs/authentication/revoke-tokens/>.

use std::sync::Arc;

use axum::extract;
use http::StatusCode;
use serde_json::Value;

use super::answers::refused;
use super::client::needed;
use crate::call::{Answer, Call, MockTwitch, Parameters};
use crate::world::State;

pub(super) async fn revoke(extract::State(helix): extract::State<Arc<MockTwitch>>, call: Call) -> Answer {
    end(&mut helix.world.enter(), &call.parameters).unwrap_or_else(|refusal| refusal)
}

fn end(state: &mut State, parameters: &Parameters) -> Result<Answer, Answer> {
    let client_id = needed(parameters, "client_id", "client id")?;
    let token = needed(parameters, "token", "token")?;
    if state.strict && !state.records.is_client(client_id) {
        return Err(Answer::refused(StatusCode::NOT_FOUND, "client does not exist"));
    }
    if state.revoke(client_id, token) { Ok(Answer::ok(Value::Null)) } else { Err(refused("Invalid token")) }
}
