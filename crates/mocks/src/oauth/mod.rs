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
use axum::routing::{get, post};

use crate::call::MockTwitch;

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
