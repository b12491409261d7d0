//! The roulette: draws each cycle when it is due.

use std::time::Duration;

use mgm_store::{DrawOutcome, StoreError};
use tokio_util::sync::CancellationToken;

use super::Rounds;
use crate::routes::state::AppState;

pub(super) async fn run(state: AppState, shutdown: CancellationToken) {
    let mut rounds = Rounds::new("roulette", shutdown);
    loop {
        let round = round(&state).await;
        let now = state.clock.now();
        let until_due = Duration::try_from(state.config.settings.schedule.next_draw_at(now) - now).unwrap_or_default();
        if !rounds.next(round, state.config.settings.roulette.tick().min(until_due)).await {
            return;
        }
    }
}

/// Draws the present cycle, if that is due and has not been done.
pub async fn round(state: &AppState) -> Result<(), StoreError> {
    match state.store.draw(state.config.settings.schedule, state.clock.now(), &mut state.chance.fork()).await? {
        DrawOutcome::NotDue | DrawOutcome::AlreadyDrawn => {}
        DrawOutcome::Drawn(cycle, candidate) => {
            let viewer = candidate.map(|candidate| candidate.viewer.to_string());
            tracing::info!(%cycle, viewer, "cycle drawn");
        }
    }
    Ok(())
}
