//! `POST /api/gift-requests/{id}/select-item`: the streamer has chosen the item.

use axum::{Json, extract::State};
use mgm_api_types::{Gift, SelectGiftItem};
use mgm_domain::{GiftId, gift::SelectedItem};

use super::{item_of_wire, show};
use crate::{
    http::{
        auth::Desktop,
        error::ApiError,
        extract::{Body, Id},
    },
    routes::{openapi::errors::errors, state::AppState},
};

errors! { Errors: DESKTOP, BODY; NotFound, InvalidState }

/// Selects the item of the request being served, which then waits for confirmation.
#[utoipa::path(
    post, path = "/api/gift-requests/{id}/select-item", operation_id = "select_gift_item", tag = "desktop",
    security(("desktop" = [])),
    params(("id" = String, Path, format = Uuid, description = "The gift request")),
    request_body = SelectGiftItem,
    responses(
        (status = 200, description = "The gift request as it stands now", body = Gift),
        Errors,
    ),
)]
pub(in crate::routes) async fn select(
    _: Desktop,
    Id(id): Id,
    State(state): State<AppState>,
    Body(body): Body<SelectGiftItem>,
) -> Result<Json<Gift>, ApiError> {
    let id = GiftId::from_uuid(id);
    let item =
        SelectedItem::parse(item_of_wire(body.item)).map_err(|error| ApiError::InvalidPayload(error.to_string()))?;
    let (limits, now) = (state.config.settings.gifts.limits(), state.clock.now());
    let view = state.store.select_gift_item(id, item, limits, now).await?;
    tracing::info!(gift = %id, "gift's item selected");
    show(&state, view)
}
