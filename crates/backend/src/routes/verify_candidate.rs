//! `POST /api/roulette/verify-candidate`.

use axum::{Json, extract::State};
use mgm_api_types::{Verified, VerifyCandidate};
use mgm_domain::{CharacterName, CycleId, PayoutId, PayoutStatus, Rejection};
use mgm_store::Verification;

use crate::{
    http::{auth::Desktop, error::ApiError, extract::Body},
    metrics,
    routes::{openapi::errors::errors, state::AppState},
};

/// The supported version of the payload.
const SCHEMA_VERSION: i64 = 1;

errors! { Errors: DESKTOP, BODY; InvalidCharacterName, OutOfSequence, ActivePayoutExists, LifetimeCapReached }

/// The desktop program reports whether the candidate was online. Decided once; a repeat changes nothing.
#[utoipa::path(
    post, path = "/api/roulette/verify-candidate", tag = "desktop", security(("desktop" = [])),
    request_body = VerifyCandidate,
    responses(
        (status = 200, description = "How the cycle is decided", body = Verified),
        Errors,
    ),
)]
pub(super) async fn verify(
    _: Desktop,
    State(state): State<AppState>,
    Body(body): Body<VerifyCandidate>,
) -> Result<Json<Verified>, ApiError> {
    if body.schema_version != SCHEMA_VERSION {
        return Err(ApiError::InvalidPayload(format!("schemaVersion must be {SCHEMA_VERSION}")));
    }
    let character_name = CharacterName::parse(&body.character_name).map_err(|_| Rejection::InvalidCharacterName)?;
    let now = state.clock.now();
    let verification = Verification {
        cycle: CycleId::from_uuid(body.spin_cycle_id),
        character_name,
        online: body.online,
        payout: PayoutId::from_uuid(state.random.uuid_at(now)),
    };
    let payout = state.store.verify_candidate(&verification, now).await?;
    if payout == Some(verification.payout) {
        metrics::payouts_moved(PayoutStatus::Pending).increment(1);
    }
    tracing::info!(cycle = %verification.cycle, online = body.online, ?payout, "candidate verified");
    Ok(Json(Verified { spin_cycle_id: body.spin_cycle_id, payout_id: payout.map(PayoutId::as_uuid) }))
}
