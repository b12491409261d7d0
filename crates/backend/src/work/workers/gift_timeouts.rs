//! Gift requests whose time has passed: they fail, and the next is served.

use mgm_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::Rounds;
use crate::{metrics::count_failed_gift, routes::state::AppState};

pub(super) async fn run(state: AppState, shutdown: CancellationToken) {
    let mut rounds = Rounds::new("gift_timeouts", shutdown);
    loop {
        let round = round(&state).await;
        if !rounds.next(round, state.config.settings.gifts.sweep).await {
            return;
        }
    }
}

/// Fails the requests whose time has passed.
pub async fn round(state: &AppState) -> Result<(), StoreError> {
    let timed_out = state.store.time_out_gifts(state.config.settings.gifts.limits(), state.clock.now()).await?;
    for (gift, reason) in &timed_out.done {
        tracing::info!(%gift, reason = reason.as_str(), "gift failed");
        count_failed_gift(reason);
    }
    timed_out.complete().map(drop)
}
