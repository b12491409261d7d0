//! `POST /api/gift-requests/{id}/confirm`: the receiver has accepted or declined the gift.

use axum::{Json, extract::State};
use mgm_api_types::{ConfirmGift, Gift};
use mgm_domain::{GiftId, gift::FailureReason};

use super::show;
use crate::{
    http::{
        auth::Desktop,
        error::ApiError,
        extract::{Body, Id},
    },
    metrics::{count_completed_gift, count_failed_gift},
    routes::{openapi::errors::errors, state::AppState},
};

errors! { Errors: DESKTOP, BODY; NotFound, InvalidState }

/// Completes the request being served, or fails it as `receiver_declined`; then the next one is served.
#[utoipa::path(
    post, path = "/api/gift-requests/{id}/confirm", operation_id = "confirm_gift", tag = "desktop",
    security(("desktop" = [])),
    params(("id" = String, Path, format = Uuid, description = "The gift request")),
    request_body = ConfirmGift,
    responses(
        (status = 200, description = "The gift request as it stands now", body = Gift),
        Errors,
    ),
)]
pub(in crate::routes) async fn confirm(
    _: Desktop,
    Id(id): Id,
    State(state): State<AppState>,
    Body(body): Body<ConfirmGift>,
) -> Result<Json<Gift>, ApiError> {
    let id = GiftId::from_uuid(id);
    let (limits, now) = (state.config.settings.gifts.limits(), state.clock.now());
    let view = state.store.confirm_gift(id, body.confirmed, limits, now).await?;
    tracing::info!(gift = %id, confirmed = body.confirmed, "gift answered");
    if body.confirmed {
        count_completed_gift();
    } else {
        count_failed_gift(&FailureReason::ReceiverDeclined);
    }
    show(&state, view)
}
