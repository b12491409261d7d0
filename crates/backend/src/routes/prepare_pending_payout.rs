//! `POST /api/e2e/prepare-pending-payout`: the harness, needed since the real roulette follows the wall clock.

use axum::{Json, extract::State};
use mgm_api_types::{PreparePendingPayout, PreparedPayout};
use mgm_domain::{CycleId, PayoutId, PayoutStatus, ViewerId};

use crate::{
    http::{auth::Desktop, error::ApiError, extract::Body},
    metrics,
    routes::{openapi::errors::errors, state::AppState},
};

errors! { Errors: DESKTOP, BODY; NotFound, NotInPool, ActivePayoutExists, LifetimeCapReached }

/// Awards a payout to a member of the pool in a cycle of its own, with the command that verification uses. The route
/// exists only if the harness is enabled.
#[utoipa::path(
    post, path = "/api/e2e/prepare-pending-payout", tag = "harness", security(("desktop" = [])),
    request_body = PreparePendingPayout,
    responses(
        (status = 200, description = "The payout", body = PreparedPayout),
        Errors,
    ),
)]
pub(super) async fn prepare(
    _: Desktop,
    State(state): State<AppState>,
    Body(body): Body<PreparePendingPayout>,
) -> Result<Json<PreparedPayout>, ApiError> {
    let viewer = ViewerId::parse(body.twitch_user_id)
        .map_err(|error| ApiError::InvalidPayload(format!("twitchUserId {error}")))?;
    let now = state.clock.now();
    let (cycle, payout) = (CycleId::from_uuid(state.random.uuid()), PayoutId::from_uuid(state.random.uuid_at(now)));
    let awarded = state.store.prepare_payout(&viewer, cycle, payout, now).await?;
    metrics::payouts_moved(PayoutStatus::Pending).increment(1);
    Ok(Json(PreparedPayout { payout_id: payout.as_uuid(), character_name: awarded.character_name.to_string() }))
}
