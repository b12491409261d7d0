//! Announces payouts in chat: claims an announcement, calls Helix once, and records the outcome.

use std::{sync::Arc, time::Duration};

use backon::Retryable;
use mgm_domain::{
    PayoutId,
    announcement::{AnnouncementState, Delivery, Outcome},
};
use mgm_store::{ClaimedAnnouncement, Store, StoreError, Swept};
use mgm_system::{Clock, RandomSource};
use mgm_twitch::helix::{Correlation, SendOutcome};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, field::Empty};

use crate::{
    metrics,
    retry::persistently,
    text::printable,
    trace,
    twitch::{HelixSession, SendError, TokenTrouble, lease::Lease},
};

/// How long the request that made an announcement due waits for its outcome.
const REQUEST_PATIENCE: Duration = Duration::from_secs(3);
/// How often recording an outcome is retried: for 19 s, which is less than the default of
/// `Announcements__LeaseMarginSeconds`, after which the outcome would not be accepted.
const SETTLE_RETRIES: usize = 7;
/// The longest reason stored, in characters.
const MAX_REASON: usize = 300;
/// Helix' code for a message that is dropped because the same text was said just before.
const DUPLICATE: &str = "msg_duplicate";

/// Sends announcements. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Announcer {
    store: Store,
    helix: HelixSession,
    lease: Duration,
    clock: Arc<dyn Clock>,
    random: Arc<RandomSource>,
    tasks: TaskTracker,
}

impl Announcer {
    pub(crate) fn new(
        store: Store,
        helix: HelixSession,
        clock: Arc<dyn Clock>,
        random: Arc<RandomSource>,
        tasks: &TaskTracker,
        lease_margin: Duration,
    ) -> Self {
        let lease = helix.longest_call() + lease_margin;
        Self { store, lease, helix, clock, random, tasks: tasks.clone() }
    }

    /// Makes the first attempt for a payout that has just been sent, in a separate task, so that neither a cancelled
    /// request nor a timeout interrupts it. Waits a little for the outcome; returns whether the announcement is known
    /// to be out. A failure does not undo `Sent`; the worker retries.
    pub async fn announce_now(&self, payout: PayoutId, correlation: Correlation) -> bool {
        let announcer = self.clone();
        let (span, correlation) = self.span(payout, correlation);
        let attempt = async move {
            let lease = announcer.lease();
            match announcer.store.claim_announcement(payout, lease.begun_at(), lease.length()).await {
                Ok(Some(claimed)) => announcer.send(&claimed, &lease, &correlation).await,
                Ok(None) => None,
                Err(error) => {
                    tracing::warn!(%error, %payout, "the announcement could not be claimed; the worker will");
                    None
                }
            }
        };
        let attempt = self.tasks.spawn(attempt.instrument(span));
        let Ok(ended) = tokio::time::timeout(REQUEST_PATIENCE, attempt).await else {
            tracing::info!(%payout, "the announcement is still on its way");
            return false;
        };
        matches!(ended, Ok(Some(AnnouncementState::Announced)))
    }

    /// Sends one announcement that is due; returns whether there was one.
    pub async fn announce_due(&self) -> Result<bool, StoreError> {
        let lease = self.lease();
        let Some(claimed) = self.store.claim_due_announcement(lease.begun_at(), lease.length()).await? else {
            return Ok(false);
        };
        let (span, correlation) = self.span(claimed.payout, Correlation::default());
        self.send(&claimed, &lease, &correlation).instrument(span).await;
        Ok(true)
    }

    /// Records claims whose lease has expired as unknown.
    pub async fn expire_leases(&self) -> Result<Swept<u64>, StoreError> {
        self.store.expire_leases(self.clock.now()).await
    }

    /// Begins the lease of a claim that is about to be made.
    fn lease(&self) -> Lease {
        Lease::begin(&self.clock, self.lease)
    }

    /// A span in the trace of the request that owes the announcement, or in a new trace.
    fn span(&self, payout: PayoutId, caller: Correlation) -> (Span, Correlation) {
        let request_id = caller.request_id.as_ref().and_then(|id| id.to_str().ok()).map(str::to_owned);
        let span = tracing::error_span!("announce", %payout, request_id, trace_id = Empty);
        let correlation = trace::follow(&span, caller, &self.random);
        (span, correlation)
    }

    /// Returns the resulting state, if the outcome could be recorded.
    async fn send(
        &self,
        claimed: &ClaimedAnnouncement,
        lease: &Lease,
        correlation: &Correlation,
    ) -> Option<AnnouncementState> {
        let payout = claimed.payout;
        let delivery = match self.helix.send_chat_message(&claimed.message, lease, correlation).await {
            Ok(outcome) => delivery(outcome),
            // Nothing was sent; later there may be a token, or enough time.
            Err(error @ (SendError::Token(TokenTrouble::Unavailable(_)) | SendError::LeaseOver(_))) => {
                Delivery::Retry { reason: error.to_string(), not_before: None, may_have_been_said: false }
            }
            Err(error @ SendError::Token(TokenTrouble::NotSet | TokenTrouble::Refused(_))) => failed(error.to_string()),
        };
        tracing::info!(%payout, attempt = claimed.attempt, outcome = ?delivery, "announcement attempted");
        // Retried patiently: if the outcome is not recorded, the announcement ends as unknown.
        let settle = async || {
            let jitter = self.random.fraction();
            self.store.settle_announcement(claimed, delivery.clone(), self.clock.now(), jitter).await
        };
        let settled = settle.retry(persistently(SETTLE_RETRIES)).notify(|error, _| {
            tracing::warn!(%error, %payout, "the announcement's outcome could not be written down; trying again");
        });
        settled
            .await
            .inspect(|state| count(*state))
            .inspect_err(|error| {
                tracing::error!(%error, %payout, "the announcement's outcome is lost; it will be listed as unknown");
            })
            .ok()
    }
}

fn count(state: AnnouncementState) {
    metrics::announcement_attempts(state).increment(1);
}

fn failed(reason: String) -> Delivery {
    Delivery::Final(Outcome::Failed { reason })
}

/// The rule of "at most once": what was certainly not said is retried, what may have been said is unknown.
fn delivery(outcome: SendOutcome) -> Delivery {
    let printable = |text: &str| printable(text, MAX_REASON);
    let retry = |reason, not_before| Delivery::Retry { reason, not_before, may_have_been_said: false };
    let unknown = |reason| Delivery::Final(Outcome::Unknown { reason });
    let announced = |message_id| Delivery::Final(Outcome::Announced { message_id, detail: None });
    match outcome {
        SendOutcome::Sent { message_id } => announced(Some(printable(&message_id))),
        SendOutcome::Accepted { .. } => announced(None),
        SendOutcome::Dropped { code, message } => {
            let is_duplicate = code.as_deref() == Some(DUPLICATE);
            let reason = [code, message].into_iter().flatten().collect::<Vec<_>>().join(": ");
            let reason = if reason.is_empty() { "Twitch gave no reason".to_owned() } else { printable(&reason) };
            if is_duplicate { Delivery::Duplicate { reason } } else { Delivery::Final(Outcome::Dropped { reason }) }
        }
        SendOutcome::NotConnected { reason } => retry(format!("no connection: {}", printable(&reason)), None),
        SendOutcome::RateLimited { reset } => retry("Twitch answered 429".to_owned(), reset),
        SendOutcome::Interrupted { reason } => unknown(format!("no complete answer: {}", printable(&reason))),
        SendOutcome::Refused { status, message } => {
            let said = message.map(|message| format!(": {}", printable(&message))).unwrap_or_default();
            match status {
                500 | 503 => Delivery::Retry {
                    reason: format!("Twitch answered {status}{said}"),
                    not_before: None,
                    may_have_been_said: true,
                },
                502 | 504 => unknown(format!("a gateway answered {status}{said}")),
                401 => failed(format!("Twitch answered 401{said}; is Twitch__BroadcasterAccessToken still valid?")),
                400..=499 => failed(format!("Twitch answered {status}{said}")),
                // Redirects and undocumented statuses do not tell whether it was said.
                _ => unknown(format!("Twitch answered {status}{said}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> SendOutcome {
        SendOutcome::Refused { status, message: None }
    }

    #[test]
    fn what_may_have_been_said_is_never_tried_again() {
        let dropped = |code: &str| SendOutcome::Dropped { code: Some(code.to_owned()), message: None };
        for (outcome, expected) in [
            (SendOutcome::Sent { message_id: "m".to_owned() }, "announced"),
            (SendOutcome::Accepted { status: 204 }, "announced"),
            (SendOutcome::Dropped { code: None, message: None }, "dropped"),
            (dropped("msg_rejected"), "dropped"),
            (dropped("msg_duplicate"), "duplicate"),
            (SendOutcome::NotConnected { reason: String::new() }, "retry"),
            (SendOutcome::RateLimited { reset: None }, "retry"),
            (SendOutcome::Interrupted { reason: String::new() }, "unknown"),
            (refused(500), "retry, perhaps said"),
            (refused(503), "retry, perhaps said"),
            (refused(501), "unknown"),
            (refused(502), "unknown"),
            (refused(504), "unknown"),
            (refused(302), "unknown"),
            (refused(400), "failed"),
            (refused(401), "failed"),
            (refused(403), "failed"),
        ] {
            let case = format!("{outcome:?}");
            let got = match delivery(outcome) {
                Delivery::Retry { may_have_been_said: true, .. } => "retry, perhaps said",
                Delivery::Retry { may_have_been_said: false, .. } => "retry",
                Delivery::Duplicate { .. } => "duplicate",
                Delivery::Final(Outcome::Announced { .. }) => "announced",
                Delivery::Final(Outcome::Dropped { .. }) => "dropped",
                Delivery::Final(Outcome::Unknown { .. }) => "unknown",
                Delivery::Final(Outcome::Failed { .. }) => "failed",
                Delivery::Final(other) => panic!("{other:?}"),
            };
            assert_eq!(got, expected, "{case}");
        }
        let Delivery::Final(Outcome::Failed { reason }) = delivery(refused(401)) else { panic!() };
        assert!(reason.contains("Twitch__BroadcasterAccessToken"));
    }
}
