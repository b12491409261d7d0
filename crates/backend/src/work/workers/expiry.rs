//! What grows old: payouts that nobody takes to an end, and the record of processed chat messages.

use std::time::Duration;

use mgm_domain::PayoutStatus;
use mgm_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::Rounds;
use crate::{metrics, routes::state::AppState};

/// How long processed chat messages are remembered. Twitch gives up redelivering long before.
const INBOX_KEPT: Duration = Duration::from_secs(24 * 3_600);

pub(super) async fn run(state: AppState, shutdown: CancellationToken) {
    let mut rounds = Rounds::new("expiry", shutdown);
    loop {
        let round = round(&state).await;
        if !rounds.next(round, state.config.settings.payouts.sweep).await {
            return;
        }
    }
}

/// Expires payouts and forgets chat messages that are old enough.
pub async fn round(state: &AppState) -> Result<(), StoreError> {
    let now = state.clock.now();
    let expired = state.store.expire_payouts(now - state.config.settings.payouts.expire_after, now).await?;
    metrics::payouts_moved(PayoutStatus::Expired).increment(expired.done);
    let forgotten = state.store.prune_inbox(now - INBOX_KEPT).await?;
    if expired.done > 0 || forgotten > 0 {
        tracing::info!(expired = expired.done, forgotten, "swept");
    }
    expired.complete().map(drop)
}
