//! `GET /api/streamers/{streamerId}/gift-queue`: the queue for the panel.

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

/// The request being served and the viewer's own, with their places in the queue. For another viewer's request, only
/// the place and the state are shown.
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
    // An id that is not valid text is nobody's.
    check_streamer(&state, &streamer.map_err(|_| ApiError::WrongChannel)?)?;
    let views = state.store.gift_queue_of(&viewer.id).await?;
    Ok(Json(views.into_iter().filter_map(|view| shown_to(&state, &viewer.id, view)).collect()))
}

/// A gift request as a viewer may see it. With another's id, viewer or item, a bystander could write lines into the
/// game's chat log that the desktop program takes for the addon's.
fn shown_to(state: &AppState, viewer: &ViewerId, view: GiftView) -> Option<QueuedGift> {
    let is_own = view.gift.viewer == *viewer;
    let gift = shown(state, view)?;
    Some(if is_own {
        QueuedGift::Own(Box::new(gift))
    } else {
        QueuedGift::OfAnother(GiftOfAnother { state: gift.state, queue_position: gift.queue_position })
    })
}
