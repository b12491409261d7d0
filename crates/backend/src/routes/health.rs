//! `GET /health/live` and `GET /health/ready`.

use axum::{Json, extract::State};
use mgm_store::SubscriptionState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::error::ApiError,
    routes::{openapi::errors::errors, state::AppState},
};

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "live"}))]
pub(super) struct Live {
    /// `live`.
    status: &'static str,
}

/// The service can do its work.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"status": "ready", "subscription": "enabled", "subscriptionRevoked": null}))]
pub(super) struct Ready {
    /// `ready`.
    status: &'static str,
    /// The state of the chat subscription: `creating`, `pending`, `enabled`, `revoked` or `failed`; null if it is not
    /// known.
    #[schema(required)]
    subscription: Option<&'static str>,
    /// Why Twitch has revoked the chat subscription; null if it has not.
    #[schema(required)]
    subscription_revoked: Option<String>,
    /// The scopes that the broadcaster's token lacks; omitted if it is not known to lack any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_scopes: Vec<&'static str>,
}

errors! { Errors: }

/// Answers even if the database is unavailable.
#[utoipa::path(
    get, path = "/health/live", tag = "health",
    responses((status = 200, description = "Alive", body = Live), Errors),
)]
pub(super) async fn live() -> Json<Live> {
    Json(Live { status: "live" })
}

/// Ready if the database answers and the migrations are applied. A revoked subscription is shown, but does not make the
/// process unready: another process would be no better off.
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses((status = 200, description = "Ready", body = Ready), Errors),
)]
pub(super) async fn ready(State(state): State<AppState>) -> Result<Json<Ready>, ApiError> {
    state.store.ready().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        ApiError::Unavailable
    })?;
    let missing_scopes = state.helix.missing_scopes();
    let subscription = state.store.chat_subscription().await?;
    let (state, reason) = subscription.map(|subscription| (subscription.state, subscription.reason)).unzip();
    // The reason of a failure is only logged: the text is not all ours, and anybody may ask.
    let subscription_revoked = reason.flatten().filter(|_| state == Some(SubscriptionState::Revoked));
    let subscription = state.map(SubscriptionState::as_str);
    Ok(Json(Ready { status: "ready", subscription, subscription_revoked, missing_scopes }))
}
