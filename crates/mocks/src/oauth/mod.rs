//! Twitch's token service (<https://dev.twitch.tv/docs/authentication/>). Its errors have no `error`, unlike those of
//! Helix.

mod answers;
mod authorize;
mod client;
mod device;
mod revoke;
mod token;
mod validate;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
use http::{Method, StatusCode, Uri};

use crate::call::{Answer, MockTwitch};

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
            .route(&format!("{prefix}/{{*elsewhere}}"), any(nothing_here))
    };
    shared("/oauth2")
        .route("/oauth2/authorize", post(authorize::approve))
        .merge(shared("/auth"))
        .route("/auth/authorize", post(authorize::give))
        .method_not_allowed_fallback(wrong_method)
}

async fn nothing_here(uri: Uri) -> Answer {
    Answer::refused(StatusCode::NOT_FOUND, &format!("there is nothing at {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Answer {
    Answer::refused(StatusCode::METHOD_NOT_ALLOWED, &format!("{method} is not possible at {}", uri.path()))
}
