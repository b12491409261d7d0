//! `GET /api/pool/me`.

use axum::{Json, extract::State};
use mgm_api_types::PoolMembership;

use crate::{
    http::{auth::Viewer, error::ApiError},
    routes::{openapi::errors::errors, state::AppState},
};

errors! { Errors: VIEWER }

/// Whether the viewer is in the pool.
#[utoipa::path(
    get, path = "/api/pool/me", tag = "viewer", security(("viewer" = [])),
    responses(
        (status = 200, description = "The viewer's place in the pool", body = PoolMembership),
        Errors,
    ),
)]
pub(super) async fn me(viewer: Viewer, State(state): State<AppState>) -> Result<Json<PoolMembership>, ApiError> {
    let character_name = state.store.membership(&viewer.id).await?.map(|member| member.character_name.to_string());
    Ok(Json(PoolMembership { is_enrolled: character_name.is_some(), character_name }))
}
