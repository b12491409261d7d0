//! What becomes of gift requests, for the metrics.

use metrics::Counter;
use mgm_api_types::ErrorCode;
use mgm_domain::gift::FailureReason;

use crate::metrics::refused;

/// How a gift request can end. The desktop's own reasons are one: whoever writes them is not to make metrics.
pub(crate) const OUTCOMES: [&str; 7] = [
    "completed",
    "not_subscriber",
    "verification_timeout",
    "selection_timeout",
    "confirmation_timeout",
    "receiver_declined",
    "desktop",
];

/// Gift requests that ended so.
pub(crate) fn ended(outcome: &'static str) -> Counter {
    metrics::counter!("mgm_gifts_ended_total", "outcome" => outcome)
}

/// Counts a gift that its receiver has.
pub(crate) fn count_completed() {
    ended("completed").increment(1);
}

/// Counts a request that came to nothing.
pub(crate) fn count_failure(reason: &FailureReason) {
    let outcome = match reason {
        FailureReason::NotSubscriber => {
            // The command in chat that asked for it is refused.
            refused(ErrorCode::NotSubscriber, "chat").increment(1);
            "not_subscriber"
        }
        FailureReason::VerificationTimeout => "verification_timeout",
        FailureReason::SelectionTimeout => "selection_timeout",
        FailureReason::ConfirmationTimeout => "confirmation_timeout",
        FailureReason::ReceiverDeclined => "receiver_declined",
        FailureReason::Desktop(_) => "desktop",
    };
    ended(outcome).increment(1);
}
