//! `GET /api/version`.

use axum::{Json, extract::State};
use mgm_api_types::{ErrorBody, Version};

use crate::state::AppState;

/// Which version runs, and which the others must have at least.
#[utoipa::path(
    get, path = "/api/version", tag = "open",
    responses(
        (status = 200, description = "The versions", body = Version),
        (status = 429, description = "`rate_limited`", body = ErrorBody),
    ),
)]
pub(super) async fn version(State(state): State<AppState>) -> Json<Version> {
    Json(state.config.version.clone())
}
