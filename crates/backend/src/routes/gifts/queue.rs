//! `GET /api/streamers/{streamerId}/gift-queue`: what the panel shows.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use mgm_api_types::{GiftOfAnother, QueuedGift};
use mgm_domain::ViewerId;
use mgm_store::GiftView;

use super::{check_streamer, shown};
use crate::{
    http::{auth::Viewer, error::ApiError},
    routes::{openapi::errors::errors, state::AppState},
};

errors! { Errors: VIEWER }

/// The request that is being served and the viewer's own, with their places in the queue. Of another viewer's only place
/// and state are told.
#[utoipa::path(
    get, path = "/api/streamers/{streamerId}/gift-queue", operation_id = "gift_queue", tag = "viewer",
    security(("viewer" = [])),
    params(("streamerId" = String, Path, description = "The broadcaster's user id")),
    responses(
        (status = 200, description = "The requests, in the order of the queue", body = [QueuedGift]),
        Errors,
    ),
)]
pub(in crate::routes) async fn queue(
    viewer: Viewer,
    streamer: Result<Path<String>, PathRejection>,
    State(state): State<AppState>,
) -> Result<Json<Vec<QueuedGift>>, ApiError> {
    // What cannot be read as text is nobody's id.
    check_streamer(&state, &streamer.map_err(|_| ApiError::WrongChannel)?)?;
    let views = state.store.gift_queue_of(&viewer.id).await?;
    Ok(Json(views.into_iter().filter_map(|view| shown_to(&state, &viewer.id, view)).collect()))
}

/// A gift request as a viewer is shown it. With the id of another's, or with what is given to whom, a bystander could write
/// into the game's chat log what the desktop program takes for the addon's.
fn shown_to(state: &AppState, viewer: &ViewerId, view: GiftView) -> Option<QueuedGift> {
    let is_own = view.gift.viewer == *viewer;
    let gift = shown(state, view)?;
    Some(if is_own {
        QueuedGift::Own(Box::new(gift))
    } else {
        QueuedGift::OfAnother(GiftOfAnother { state: gift.state, queue_position: gift.queue_position })
    })
}
