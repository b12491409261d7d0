//! Our subscription to chat: looked after where the settings want it, shown in any case.

use std::time::Duration;

use mgm_store::StoreError;

use super::{context::WorkerContext, worker::Worker};

/// How often to see whether a look at the subscription is due.
const POLL: Duration = Duration::from_secs(1);
/// How often to show how a subscription stands that somebody else looks after.
const SHOW: Duration = Duration::from_secs(15);

/// Looks after the subscription.
pub(super) struct Subscription(pub(super) WorkerContext);

impl Worker for Subscription {
    const NAME: &'static str = "subscription";

    async fn round(&mut self) -> Result<(), StoreError> {
        self.0.subscription.round().await
    }

    fn pause(&self) -> Duration {
        if self.0.subscription.is_managed() { POLL } else { SHOW }
    }
}
