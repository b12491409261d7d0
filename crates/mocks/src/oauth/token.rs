//! `POST token`: <https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/> and
//! <https://dev.twitch.tv/docs/authentication/refresh-tokens/>. The parameters are documented as a form, but many
//! clients send them in the query.

use std::sync::Arc;

use axum::extract;
use http::StatusCode;
use serde_json::json;

use super::answers::{refused, users};
use super::client::{client, needed, proven_client};
use crate::call::{Answer, Call, MockTwitch, Parameters};
use crate::world::State;
use crate::world::token_store::{APP_SECONDS, NotYet};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) async fn token(extract::State(helix): extract::State<Arc<MockTwitch>>, call: Call) -> Answer {
    grant(&mut helix.world.enter(), &call.parameters).unwrap_or_else(|refusal| refusal)
}

fn grant(state: &mut State, parameters: &Parameters) -> Result<Answer, Answer> {
    match parameters.get("grant_type") {
        Some(DEVICE_CODE) => of_device(state, parameters),
        Some("refresh_token") => refresh(state, parameters),
        grant_type => {
            let client_id = proven_client(state, parameters)?;
            match grant_type {
                Some("client_credentials") => {
                    let access = state.issue_to_app(client_id);
                    let answer = json!({"access_token": access, "expires_in": APP_SECONDS, "token_type": "bearer"});
                    Ok(Answer::ok(answer))
                }
                Some("authorization_code") => {
                    let code = needed(parameters, "code", "code")?;
                    let redirect_uri = Some(needed(parameters, "redirect_uri", "redirect uri")?);
                    let pair = state.redeem(client_id, code, redirect_uri);
                    pair.map(users).ok_or_else(|| refused("Invalid authorization code"))
                }
                Some(_) => Err(refused("unsupported grant type")),
                None => Err(refused("missing grant type")),
            }
        }
    }
}

/// Only tokens that were issued without the client's secret, to a device, are renewed without it.
fn refresh(state: &mut State, parameters: &Parameters) -> Result<Answer, Answer> {
    let client_id = client(state, parameters)?;
    let refresh = parameters.get("refresh_token");
    let known = refresh.and_then(|refresh| state.refresh(client_id, refresh));
    if !known.is_some_and(|known| known.is_public) || parameters.get("client_secret").is_some() {
        proven_client(state, parameters)?;
    }
    let refresh = refresh.ok_or_else(|| refused("missing refresh token"))?;
    // The only error that is documented with an `error`.
    let invalid = || Answer::error(StatusCode::BAD_REQUEST, "Invalid refresh token");
    state.renew(client_id, refresh).map(users).ok_or_else(invalid)
}

fn of_device(state: &mut State, parameters: &Parameters) -> Result<Answer, Answer> {
    let client_id = client(state, parameters)?;
    let code = needed(parameters, "device_code", "device code")?;
    state.redeem_device(client_id, code).map(users).map_err(|not_yet| match not_yet {
        NotYet::Pending => refused("authorization_pending"),
        NotYet::Invalid => refused("invalid device code"),
    })
}
