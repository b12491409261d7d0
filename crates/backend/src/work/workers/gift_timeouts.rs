//! Fails gift requests that have timed out, so that the next one is served.

use std::time::Duration;

use mgm_store::StoreError;

use super::{context::WorkerContext, worker::Worker};
use crate::metrics::count_failed_gift;

/// Fails gift requests that have timed out.
pub(super) struct GiftTimeouts(pub(super) WorkerContext);

impl Worker for GiftTimeouts {
    const NAME: &'static str = "gift_timeouts";

    async fn round(&mut self) -> Result<(), StoreError> {
        round(&self.0).await
    }

    fn pause(&self) -> Duration {
        self.0.config.settings.gifts.sweep
    }
}

/// Fails the requests that have timed out.
pub async fn round(context: &WorkerContext) -> Result<(), StoreError> {
    let timed_out = context.store.time_out_gifts(context.config.settings.gifts.limits(), context.clock.now()).await?;
    for (gift, reason) in &timed_out.done {
        tracing::info!(%gift, reason = reason.as_str(), "gift failed");
        count_failed_gift(reason);
    }
    timed_out.complete().map(drop)
}
