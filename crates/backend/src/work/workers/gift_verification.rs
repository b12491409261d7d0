//! Verifies gift requests made in chat: asks Helix whether the viewer subscribes, until it answers or an hour has
//! passed.

use std::time::Duration;

use mgm_domain::gift::verification::retry_at;
use mgm_store::{ClaimedVerification, GiftVerdict, StoreError};
use mgm_twitch::helix::{CallError, Correlation};
use tokio_util::sync::CancellationToken;

use super::{context::WorkerContext, worker::Worker};
use crate::{metrics::count_failed_gift, twitch::AskError};

/// How long a claim outlasts the timeout of the call.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// Verifies gift requests.
pub(super) struct GiftVerification {
    context: WorkerContext,
    shutdown: CancellationToken,
}

impl GiftVerification {
    pub(super) fn new(context: WorkerContext, shutdown: CancellationToken) -> Self {
        Self { context, shutdown }
    }
}

impl Worker for GiftVerification {
    const NAME: &'static str = "gift_verification";

    async fn round(&mut self) -> Result<(), StoreError> {
        round(&self.context, &self.shutdown).await
    }

    fn pause(&self) -> Duration {
        self.context.config.settings.gifts.sweep
    }
}

/// Verifies one due request after another. If Helix does not answer for one, the others are left to the next round.
pub async fn round(context: &WorkerContext, shutdown: &CancellationToken) -> Result<(), StoreError> {
    let lease = context.helix.longest_call() + LEASE_MARGIN;
    while !shutdown.is_cancelled() {
        let Some(claimed) = context.store.claim_verification(context.clock.now(), lease).await? else {
            return Ok(());
        };
        match context.helix.is_subscribed(claimed.viewer.as_str(), &Correlation::default()).await {
            Ok(is_subscriber) => decide(context, &claimed, is_subscriber).await?,
            Err(error) => return postpone(context, &claimed, &error).await,
        }
    }
    Ok(())
}

async fn decide(context: &WorkerContext, claimed: &ClaimedVerification, is_subscriber: bool) -> Result<(), StoreError> {
    let ClaimedVerification { gift, viewer, .. } = claimed;
    let now = context.clock.now();
    match context.store.verify_gift(*gift, is_subscriber, context.config.settings.gifts.limits(), now).await? {
        GiftVerdict::Enqueued => tracing::info!(%gift, %viewer, "gift request verified"),
        GiftVerdict::Failed(reason) => {
            tracing::info!(%gift, %viewer, reason = reason.as_str(), "gift failed");
            count_failed_gift(&reason);
        }
        GiftVerdict::AlreadyDecided => tracing::debug!(%gift, "the gift request was decided meanwhile"),
    }
    Ok(())
}

async fn postpone(context: &WorkerContext, claimed: &ClaimedVerification, error: &AskError) -> Result<(), StoreError> {
    let not_before = match error {
        AskError::Call(CallError::RateLimited { reset }) => *reset,
        AskError::Call(CallError::Unreachable(_) | CallError::Refused { .. } | CallError::OddAnswer)
        | AskError::Token(_) => None,
    };
    let due_at = retry_at(claimed.attempt, not_before, context.clock.now(), context.random.fraction());
    let ClaimedVerification { gift, viewer, attempt, .. } = claimed;
    tracing::warn!(%error, %gift, %viewer, attempt, %due_at, "the subscription could not be checked; it will be again");
    context.store.postpone_verification(claimed, due_at).await
}
