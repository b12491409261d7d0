//! Gift requests made in chat: Helix is asked whether the viewer subscribes, until it says so or an hour has passed.

use std::time::Duration;

use mgm_domain::gift::verification::retry_at;
use mgm_store::{ClaimedVerification, StoreError, Verified};
use mgm_twitch::helix::{CallError, Correlation};
use tokio_util::sync::CancellationToken;

use super::Rounds;
use crate::{metrics::count_failed_gift, routes::state::AppState, twitch::AskError};

/// How long after the time-out of the call a claim still stands.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

pub(super) async fn run(state: AppState, shutdown: CancellationToken) {
    let mut rounds = Rounds::new("gift_verification", shutdown.clone());
    loop {
        let round = round(&state, &shutdown).await;
        if !rounds.next(round, state.config.settings.gifts.sweep).await {
            return;
        }
    }
}

/// Asks for one request after the other that is due. When Helix does not answer one, the others are left to the next
/// round.
pub async fn round(state: &AppState, shutdown: &CancellationToken) -> Result<(), StoreError> {
    let lease = state.helix.longest_call() + LEASE_MARGIN;
    while !shutdown.is_cancelled() {
        let Some(claimed) = state.store.claim_verification(state.clock.now(), lease).await? else {
            return Ok(());
        };
        match state.helix.is_subscribed(claimed.viewer.as_str(), &Correlation::default()).await {
            Ok(is_subscriber) => decide(state, &claimed, is_subscriber).await?,
            Err(error) => return postpone(state, &claimed, &error).await,
        }
    }
    Ok(())
}

async fn decide(state: &AppState, claimed: &ClaimedVerification, is_subscriber: bool) -> Result<(), StoreError> {
    let ClaimedVerification { gift, viewer, .. } = claimed;
    let now = state.clock.now();
    match state.store.verify_gift(*gift, is_subscriber, state.config.settings.gifts.limits(), now).await? {
        Verified::Enqueued => tracing::info!(%gift, %viewer, "gift request verified"),
        Verified::Failed(reason) => {
            tracing::info!(%gift, %viewer, reason = reason.as_str(), "gift failed");
            count_failed_gift(&reason);
        }
        Verified::AlreadyDecided => tracing::debug!(%gift, "the gift request was decided meanwhile"),
    }
    Ok(())
}

async fn postpone(state: &AppState, claimed: &ClaimedVerification, error: &AskError) -> Result<(), StoreError> {
    let not_before = match error {
        AskError::Call(CallError::RateLimited { reset }) => *reset,
        AskError::Call(CallError::Unreachable(_) | CallError::Refused { .. } | CallError::OddAnswer)
        | AskError::Token(_) => None,
    };
    let due_at = retry_at(claimed.attempt, not_before, state.clock.now(), state.chance.fraction());
    let ClaimedVerification { gift, viewer, attempt, .. } = claimed;
    tracing::warn!(%error, %gift, %viewer, attempt, %due_at, "the subscription could not be checked; it will be again");
    state.store.postpone_verification(claimed, due_at).await
}
