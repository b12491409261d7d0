//! Handles what is too old: expires active payouts, and forgets processed chat messages.

use std::time::Duration;

use mgm_domain::PayoutStatus;
use mgm_store::StoreError;

use super::{context::WorkerContext, worker::Worker};
use crate::metrics;

/// How long processed chat messages are remembered. Twitch stops redelivering long before.
const INBOX_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Expires payouts, and forgets chat messages.
pub(super) struct Expiry(pub(super) WorkerContext);

impl Worker for Expiry {
    const NAME: &'static str = "expiry";

    async fn round(&mut self) -> Result<(), StoreError> {
        round(&self.0).await
    }

    fn pause(&self) -> Duration {
        self.0.config.settings.payouts.sweep
    }
}

/// Expires payouts and forgets chat messages that are old enough.
pub async fn round(context: &WorkerContext) -> Result<(), StoreError> {
    let now = context.clock.now();
    let expired = context.store.expire_payouts(now - context.config.settings.payouts.expire_after, now).await?;
    metrics::payouts_moved(PayoutStatus::Expired).increment(expired.done);
    let forgotten = context.store.prune_inbox(now - INBOX_KEPT).await?;
    if expired.done > 0 || forgotten > 0 {
        tracing::info!(expired = expired.done, forgotten, "swept");
    }
    expired.complete().map(drop)
}
