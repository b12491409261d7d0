//! `GET /api/gift-requests`: the queue, for the desktop program.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use mgm_api_types::Gift;
use mgm_domain::{GiftId, GiftStatus};
use mgm_store::GiftView;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{check_streamer, list};
use crate::{
    http::{auth::Desktop, error::ApiError, extract::Parameters},
    routes::{
        openapi::errors::errors,
        page::{Page, nothing_to_follow},
        state::AppState,
    },
};

/// Selects the queue.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct OfStreamer {
    /// The broadcaster's user id, by default the configured one's. The queue of another is empty.
    streamer_id: Option<String>,
}

errors! { Errors: DESKTOP; InvalidPayload }

/// The open requests: the one being served, then the others, oldest first; at most 1000. If there are more, a `Link`
/// header has the address of the next page.
#[utoipa::path(
    get, path = "/api/gift-requests", operation_id = "gift_requests", tag = "desktop", security(("desktop" = [])),
    params(OfStreamer, Page),
    responses(
        (status = 200, description = "The requests, in the order of the queue", body = [Gift]),
        Errors,
    ),
)]
pub(in crate::routes) async fn open(
    _: Desktop,
    State(state): State<AppState>,
    Parameters(OfStreamer { streamer_id }): Parameters<OfStreamer>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, ApiError> {
    let part = page.part();
    if streamer_id.is_some_and(|streamer| check_streamer(&state, &streamer).is_err()) {
        return Ok(Json::<Vec<Gift>>(vec![]).into_response());
    }
    let after = match part.after {
        Some(id) => Some(once_listed(&state, GiftId::from_uuid(id)).await?),
        None => None,
    };
    let views = state.store.gift_queue(after.as_ref(), part.to_read()).await?;
    let Json(gifts) = list(&state, views);
    Ok(part.answer("/api/gift-requests?", gifts, |gift| gift.id))
}

/// A request that is or was in the list; an unverified one never was.
async fn once_listed(state: &AppState, id: GiftId) -> Result<GiftView, ApiError> {
    let view = state.store.gift(id).await?.filter(|view| view.gift.state.status() != GiftStatus::Unverified);
    view.ok_or_else(|| nothing_to_follow("gift request"))
}
