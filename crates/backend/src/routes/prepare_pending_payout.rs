//! `POST /api/e2e/prepare-pending-payout`: the harness, since the real roulette follows the wall clock.

use axum::{Json, extract::State};
use mgm_api_types::{ErrorBody, PreparePendingPayout, PreparedPayout};
use mgm_domain::{CycleId, PayoutId, ViewerId};

use crate::{auth::Desktop, error::ApiError, extract::Body, state::AppState};

/// Awards a payout to a member of the pool, by verification's own command under a cycle of its own. Only where the
/// harness is turned on; elsewhere there is no such route.
#[utoipa::path(
    post, path = "/api/e2e/prepare-pending-payout", tag = "harness", security(("desktop" = [])),
    request_body = PreparePendingPayout,
    responses(
        (status = 200, description = "The payout", body = PreparedPayout),
        (status = 400, description = "`invalid_payload`, `not_in_pool`", body = ErrorBody),
        (status = 401, description = "`unauthorized`, `forbidden_apikey`", body = ErrorBody),
        (status = 409, description = "`active_payout_exists`, `lifetime_cap_reached`", body = ErrorBody),
        (status = 503, description = "`unavailable`", body = ErrorBody),
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
    let (cycle, payout) = (CycleId::from_uuid(state.chance.uuid()), PayoutId::from_uuid(state.chance.uuid_at(now)));
    let character_name = state.store.prepare_payout(&viewer, cycle, payout, now).await?;
    Ok(Json(PreparedPayout { payout_id: payout.as_uuid(), character_name: character_name.to_string() }))
}
