//! The outcomes of gift requests.

use mgm_api_types::ErrorCode;
use mgm_domain::gift::FailureReason;

use super::observed::{gifts_ended, refusals};

/// The outcomes of a gift request. The desktop program's own reasons count as one, so that it cannot create metrics.
pub(super) const OUTCOMES: [&str; 7] = [
    "completed",
    "not_subscriber",
    "verification_timeout",
    "selection_timeout",
    "confirmation_timeout",
    "receiver_declined",
    "desktop",
];

/// Counts a gift that its receiver has accepted.
pub(crate) fn count_completed_gift() {
    gifts_ended("completed").increment(1);
}

/// Counts a failed gift request.
pub(crate) fn count_failed_gift(reason: &FailureReason) {
    let outcome = match reason {
        FailureReason::NotSubscriber => {
            // The chat command that made the request counts as refused.
            refusals(ErrorCode::NotSubscriber, "chat").increment(1);
            "not_subscriber"
        }
        FailureReason::VerificationTimeout => "verification_timeout",
        FailureReason::SelectionTimeout => "selection_timeout",
        FailureReason::ConfirmationTimeout => "confirmation_timeout",
        FailureReason::ReceiverDeclined => "receiver_declined",
        FailureReason::Desktop(_) => "desktop",
    };
    gifts_ended(outcome).increment(1);
}
