//! `GET /api/roulette/candidate`.

use axum::{Json, extract::State};
use mgm_api_types::RouletteCandidate;

use crate::{
    http::{auth::Desktop, error::ApiError},
    routes::{openapi::errors::errors, state::AppState},
};

errors! { Errors: DESKTOP; NoCandidate }

/// The candidate that waits for verification.
#[utoipa::path(
    get, path = "/api/roulette/candidate", tag = "desktop", security(("desktop" = [])),
    responses(
        (status = 200, description = "The candidate", body = RouletteCandidate),
        Errors,
    ),
)]
pub(super) async fn candidate(_: Desktop, State(state): State<AppState>) -> Result<Json<RouletteCandidate>, ApiError> {
    let cycle = state.store.undecided_cycle(state.clock.now()).await?.ok_or(ApiError::NoCandidate)?;
    let candidate = cycle.candidate.ok_or(ApiError::NoCandidate)?;
    Ok(Json(RouletteCandidate {
        spin_cycle_id: cycle.id.as_uuid(),
        in_game_name: candidate.character_name.in_game().to_string(),
        character_name: candidate.character_name.to_string(),
        drawn_at: cycle.drawn_at,
        deadline: cycle.deadline,
    }))
}
