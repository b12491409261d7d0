//! Maintains the chat subscription if the settings say so, and always shows its state.

use std::time::Duration;

use mgm_store::StoreError;

use super::{context::WorkerContext, worker::Worker};

/// How often to see whether a check of the subscription is due.
const POLL: Duration = Duration::from_secs(1);
/// How often to show the state of a subscription that is maintained elsewhere.
const SHOW: Duration = Duration::from_secs(15);

/// Maintains and shows the chat subscription.
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
