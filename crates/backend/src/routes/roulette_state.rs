//! `GET /api/roulette/state`.

use axum::{Json, extract::State};
use mgm_api_types::{RouletteState, SpinPhase};
use mgm_domain::roulette::{Cycle, Draw, Phase, cycle_id};

use crate::{
    http::{auth::Panel, error::ApiError},
    routes::{openapi::errors::errors, state::AppState},
};

errors! { Errors: PANEL }

/// The roulette as the panel shows it. A valid token is enough, with or without identity.
#[utoipa::path(
    get, path = "/api/roulette/state", tag = "viewer", security(("viewer" = [])),
    responses(
        (status = 200, description = "The roulette now", body = RouletteState),
        Errors,
    ),
)]
pub(super) async fn state(_: Panel, State(state): State<AppState>) -> Result<Json<RouletteState>, ApiError> {
    let (schedule, now) = (state.config.settings.schedule, state.clock.now());
    let id = cycle_id(&state.config.broadcaster, schedule.cycle_start(now));
    let pool_participant_count = state.store.pool_size().await?;
    let draw = state.store.cycle(id).await?.as_ref().map_or(Draw::NoCandidate, Cycle::draw);
    let phase = schedule.phase(now, draw, pool_participant_count == 0);
    Ok(Json(RouletteState {
        next_spin_at: schedule.next_spin_at(now),
        server_now: now,
        spin_interval_seconds: schedule.cycle().as_secs(),
        pool_participant_count,
        spin_phase: match phase {
            Phase::Idle => SpinPhase::Idle,
            Phase::Collecting => SpinPhase::Collecting,
            Phase::Spinning => SpinPhase::Spinning,
            Phase::Verification => SpinPhase::Verification,
            Phase::Completed => SpinPhase::Completed,
        },
        current_spin_cycle_id: (phase != Phase::Idle).then(|| id.as_uuid()),
    }))
}
