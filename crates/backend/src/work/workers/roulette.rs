//! The roulette: draws each cycle when it is due.

use std::time::Duration;

use mgm_store::{DrawOutcome, StoreError};

use super::{context::WorkerContext, worker::Worker};

/// Draws each cycle.
pub(super) struct Roulette(pub(super) WorkerContext);

impl Worker for Roulette {
    const NAME: &'static str = "roulette";

    async fn round(&mut self) -> Result<(), StoreError> {
        round(&self.0).await
    }

    fn pause(&self) -> Duration {
        let settings = &self.0.config.settings;
        let now = self.0.clock.now();
        let until_due = Duration::try_from(settings.schedule.next_draw_at(now) - now).unwrap_or_default();
        settings.roulette.tick().min(until_due)
    }
}

/// Draws the current cycle, if its draw is due and has not been made.
pub async fn round(context: &WorkerContext) -> Result<(), StoreError> {
    match context.store.draw(context.config.settings.schedule, context.clock.now(), &mut context.random.fork()).await? {
        DrawOutcome::NotDue | DrawOutcome::AlreadyDrawn => {}
        DrawOutcome::Drawn(cycle, candidate) => {
            let viewer = candidate.map(|candidate| candidate.viewer.to_string());
            tracing::info!(%cycle, viewer, "cycle drawn");
        }
    }
    Ok(())
}
