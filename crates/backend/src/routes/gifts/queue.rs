//! `GET /api/streamers/{streamerId}/gift-queue`: what the panel shows.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use mgm_api_types::Gift;

use super::{check_streamer, list};
use crate::{auth::Viewer, error::ApiError, routes::openapi::errors::errors, state::AppState};

errors! { Errors: VIEWER }

/// The request that is being served and the viewer's own, with their places in the queue.
#[utoipa::path(
    get, path = "/api/streamers/{streamerId}/gift-queue", operation_id = "gift_queue", tag = "viewer",
    security(("viewer" = [])),
    params(("streamerId" = String, Path, description = "The broadcaster's user id")),
    responses(
        (status = 200, description = "The requests, in the order of the queue", body = [Gift]),
        Errors,
    ),
)]
pub(in crate::routes) async fn queue(
    viewer: Viewer,
    streamer: Result<Path<String>, PathRejection>,
    State(state): State<AppState>,
) -> Result<Json<Vec<Gift>>, ApiError> {
    // What cannot be read as text is nobody's id.
    check_streamer(&state, &streamer.map_err(|_| ApiError::WrongChannel)?)?;
    let views = state.store.gift_queue_of(&viewer.id).await?;
    Ok(list(&state, views))
}
