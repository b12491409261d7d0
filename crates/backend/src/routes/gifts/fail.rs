//! `PATCH /api/gift-requests/{id}`: the desktop program gives a request up.

use axum::{Json, extract::State};
use mgm_api_types::{ChangeGiftState, Gift, GiftState};
use mgm_domain::{GiftId, Rejection, gift::FailureReason};

use super::show;
use crate::{
    http::{
        auth::Desktop,
        error::ApiError,
        extract::{Body, Id},
    },
    metrics::count_failed_gift,
    routes::{openapi::errors::errors, state::AppState},
    text::printable,
};

/// The longest reason stored, in characters.
const MAX_REASON: usize = 300;
/// The default reason.
const NO_REASON: &str = "failed";

errors! { Errors: DESKTOP, BODY; NotFound, InvalidState }

/// Sets `Failed`, with a reason; then the next request is served. Other changes have their own routes.
#[utoipa::path(
    patch, path = "/api/gift-requests/{id}", operation_id = "fail_gift_request", tag = "desktop",
    security(("desktop" = [])),
    params(("id" = String, Path, format = Uuid, description = "The gift request")),
    request_body = ChangeGiftState,
    responses(
        (status = 200, description = "The gift request as it stands now", body = Gift),
        Errors,
    ),
)]
pub(in crate::routes) async fn fail(
    _: Desktop,
    Id(id): Id,
    State(state): State<AppState>,
    Body(body): Body<ChangeGiftState>,
) -> Result<Json<Gift>, ApiError> {
    let id = GiftId::from_uuid(id);
    if body.state != GiftState::Failed {
        // A missing request is answered with 404, whatever change is asked for.
        show(&state, state.store.gift(id).await?.ok_or(Rejection::NotFound)?).map(drop)?;
        return Err(Rejection::InvalidState.into());
    }
    let given = printable(body.reason.as_deref().unwrap_or_default().trim(), MAX_REASON);
    let reason = FailureReason::from(if given.is_empty() { NO_REASON.to_owned() } else { given });
    let (limits, now) = (state.config.settings.gifts.limits(), state.clock.now());
    let view = state.store.fail_gift(id, reason.clone(), limits, now).await?;
    tracing::info!(gift = %id, reason = reason.as_str(), "gift failed");
    count_failed_gift(&reason);
    show(&state, view)
}
