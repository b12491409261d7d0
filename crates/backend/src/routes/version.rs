//! `GET /api/version`.

use axum::{Json, extract::State};
use mgm_api_types::Version;

use crate::routes::{openapi::errors::errors, state::AppState};

errors! { Errors: ; RateLimited }

/// The running version, and the minimum versions of the other programs.
#[utoipa::path(
    get, path = "/api/version", tag = "open",
    responses(
        (status = 200, description = "The versions", body = Version),
        Errors,
    ),
)]
pub(super) async fn version(State(state): State<AppState>) -> Json<Version> {
    Json(state.config.version.clone())
}
