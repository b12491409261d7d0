//! `GET validate`: <https://dev.twitch.tv/docs/authentication/validate-tokens/>. The scheme is `OAuth` or `Bearer`.

use std::sync::Arc;

use axum::extract;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::call::{Answer, MockTwitch, text};
use crate::world::token_store::{Holder, USER_SECONDS};
use crate::world::{ANY_CLIENT, State};

pub(super) async fn validate(extract::State(helix): extract::State<Arc<MockTwitch>>, headers: HeaderMap) -> Answer {
    let authorization = text(&headers, AUTHORIZATION.as_str());
    let token = authorization.split_once(' ').map_or("", |(_, token)| token.trim());
    tell(&helix.world.enter(), token)
}

fn tell(state: &State, token: &str) -> Answer {
    if token.is_empty() {
        return Answer::refused(StatusCode::UNAUTHORIZED, "missing authorization token");
    }
    if !state.is_good(token) {
        return Answer::refused(StatusCode::UNAUTHORIZED, "invalid access token");
    }
    let (client_id, holder, expires_in) = if let Some(access) = state.access(token) {
        (access.client_id.as_str(), access.holder.clone(), access.seconds_left(state.now))
    } else {
        let (id, scopes) = state.anybody();
        (ANY_CLIENT, Holder::User { id, scopes }, USER_SECONDS.into())
    };
    let first_client = || state.records.clients.iter().next().map_or("client", |client| &client.id);
    let client_id = if client_id == ANY_CLIENT { first_client() } else { client_id };
    match holder {
        Holder::App => Answer::ok(json!({"client_id": client_id, "scopes": null, "expires_in": expires_in})),
        Holder::User { id, scopes } => Answer::ok(json!({
            "client_id": client_id,
            "login": state.broadcaster(&id).login(),
            "scopes": scopes,
            "user_id": id,
            "expires_in": expires_in,
        })),
    }
}
