//! `GET /api/pool/me`.

use axum::{Json, extract::State};
use mgm_api_types::{ErrorBody, PoolMembership};

use crate::{auth::Viewer, error::ApiError, state::AppState};

/// Whether the viewer is in the pool.
#[utoipa::path(
    get, path = "/api/pool/me", tag = "viewer", security(("viewer" = [])),
    responses(
        (status = 200, description = "The viewer's place in the pool", body = PoolMembership),
        (status = 401, description = "`unauthorized`, `identity_not_shared`", body = ErrorBody),
        (status = 403, description = "`wrong_channel`", body = ErrorBody),
        (status = 429, description = "`rate_limited`", body = ErrorBody),
        (status = 503, description = "`unavailable`", body = ErrorBody),
    ),
)]
pub(super) async fn me(viewer: Viewer, State(state): State<AppState>) -> Result<Json<PoolMembership>, ApiError> {
    let character_name = state.store.membership(&viewer.id).await?.map(|member| member.character_name.to_string());
    Ok(Json(PoolMembership { is_enrolled: character_name.is_some(), character_name }))
}
