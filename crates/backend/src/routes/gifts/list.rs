//! `GET /api/gift-requests`: the queue, for the desktop program.

use axum::{Json, extract::State};
use mgm_api_types::Gift;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{check_streamer, list};
use crate::{auth::Desktop, error::ApiError, extract::Parameters, routes::openapi::errors::errors, state::AppState};

/// Whose queue.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct OfStreamer {
    /// The broadcaster's user id; without it the configured one's. Another's queue is empty.
    streamer_id: Option<String>,
}

errors! { Errors: DESKTOP; InvalidPayload }

/// The open requests: the one being served, then the others, oldest first; at most a thousand.
#[utoipa::path(
    get, path = "/api/gift-requests", operation_id = "gift_requests", tag = "desktop", security(("desktop" = [])),
    params(OfStreamer),
    responses(
        (status = 200, description = "The requests, in the order of the queue", body = [Gift]),
        Errors,
    ),
)]
pub(in crate::routes) async fn open(
    _: Desktop,
    State(state): State<AppState>,
    Parameters(OfStreamer { streamer_id }): Parameters<OfStreamer>,
) -> Result<Json<Vec<Gift>>, ApiError> {
    if streamer_id.is_some_and(|streamer| check_streamer(&state, &streamer).is_err()) {
        return Ok(Json(vec![]));
    }
    let views = state.store.gift_queue().await?;
    Ok(list(&state, views))
}
