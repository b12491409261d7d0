//! The announcement of a payout that was sent: said in chat at most once, and never forgotten.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::CharacterName;

/// What is said in chat.
#[must_use]
pub fn text(name: &CharacterName) -> String {
    format!("Награда отправлена персонажу {name} на почту, проверяй ящик!")
}

/// Where the obligation to announce stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnnouncementState {
    /// Owed; to be tried when it is due.
    Pending,
    /// Claimed by a process that may be talking to Twitch just now.
    Sending,
    /// Said.
    Announced,
    /// Twitch took it and did not show it.
    Dropped,
    /// It may have been said. Not sent again by itself.
    Unknown,
    /// Not said, and not tried again by itself.
    Failed,
}

impl AnnouncementState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Sending, Self::Announced, Self::Dropped, Self::Unknown, Self::Failed];

    /// The state's name, as stored and as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Announced => "announced",
            Self::Dropped => "dropped",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for AnnouncementState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such announcement state")]
pub struct UnknownState;

impl FromStr for AnnouncementState {
    type Err = UnknownState;

    /// Matches without regard to case.
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownState)
    }
}

/// What became of an announcement, as an event of the payout's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Twitch took it.
    Announced {
        /// Twitch's id of the message, where it gave one.
        message_id: Option<String>,
    },
    /// Twitch took it and did not show it.
    Dropped {
        /// Twitch's reason.
        reason: String,
    },
    /// It may have been said.
    Unknown {
        /// What happened.
        reason: String,
    },
    /// It was not said.
    Failed {
        /// Why.
        reason: String,
    },
    /// The operator wants another attempt.
    Retried,
    /// The operator looked, and says whether it was said.
    Resolved {
        /// Whether it was.
        announced: bool,
    },
}

/// The state that an outcome leaves.
#[must_use]
pub const fn state_after(outcome: &Outcome) -> AnnouncementState {
    match outcome {
        Outcome::Announced { .. } | Outcome::Resolved { announced: true } => AnnouncementState::Announced,
        Outcome::Dropped { .. } => AnnouncementState::Dropped,
        Outcome::Unknown { .. } => AnnouncementState::Unknown,
        Outcome::Failed { .. } | Outcome::Resolved { announced: false } => AnnouncementState::Failed,
        Outcome::Retried => AnnouncementState::Pending,
    }
}

/// How an attempt to announce ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Final, one way or another.
    Final(Outcome),
    /// Certainly not said, and worth another attempt.
    Retry {
        /// Why it was not said.
        reason: String,
        /// Not before this, when Twitch gave a time.
        not_before: Option<OffsetDateTime>,
    },
}

/// The attempts that are made before an announcement that cannot be delivered is `Failed`.
pub const MAX_ATTEMPTS: u32 = 12;
/// How long the worker leaves a new obligation to the request that made it.
pub const FIRST_DUE_AFTER: Duration = Duration::from_secs(5);

const FIRST_DELAY: Duration = Duration::from_secs(2);
const LONGEST_DELAY: Duration = Duration::from_secs(600);

/// What follows from a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The obligation is settled, with an event of the payout's stream.
    Settled(Outcome),
    /// Another attempt at this time.
    RetryAt(OffsetDateTime),
}

/// Decides what follows the attempt numbered `attempt` (from 1). Delays double from 2 s to 10 min; `jitter`, from 0 to 1,
/// takes up to a half off, so that processes do not retry in step.
#[must_use]
pub fn after_delivery(delivery: Delivery, attempt: u32, now: OffsetDateTime, jitter: f64) -> Next {
    match delivery {
        Delivery::Final(outcome) => Next::Settled(outcome),
        Delivery::Retry { reason, .. } if attempt >= MAX_ATTEMPTS => {
            Next::Settled(Outcome::Failed { reason: format!("gave up after {attempt} attempts: {reason}") })
        }
        Delivery::Retry { not_before, .. } => {
            let doubled = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
            let delay = doubled.min(LONGEST_DELAY).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0);
            let at = now + delay;
            // Twitch's time is honoured, but a clock far off does not park the announcement for good.
            Next::RetryAt(not_before.map_or(at, |earliest| at.max(earliest.min(now + LONGEST_DELAY))))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn retry(not_before: Option<OffsetDateTime>) -> Delivery {
        Delivery::Retry { reason: "connection refused".to_owned(), not_before }
    }

    #[test]
    fn the_text_is_exactly_this() {
        let name = CharacterName::parse("Etoehero").unwrap();
        assert_eq!(text(&name), "Награда отправлена персонажу Etoehero на почту, проверяй ящик!");
    }

    #[test]
    fn delays_grow_to_a_limit_and_then_it_is_failed() {
        let delays: Vec<_> = (1..MAX_ATTEMPTS)
            .map(|attempt| match after_delivery(retry(None), attempt, NOW, 0.0) {
                Next::RetryAt(at) => (at - NOW).whole_seconds(),
                Next::Settled(outcome) => panic!("{outcome:?}"),
            })
            .collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        let Next::Settled(Outcome::Failed { reason }) = after_delivery(retry(None), MAX_ATTEMPTS, NOW, 0.0) else {
            panic!("tried for ever");
        };
        assert_eq!(reason, "gave up after 12 attempts: connection refused");
    }

    #[test]
    fn twitchs_reset_is_waited_for_within_reason() {
        let reset = NOW + Duration::from_secs(30);
        assert_eq!(after_delivery(retry(Some(reset)), 1, NOW, 0.0), Next::RetryAt(reset));
        let never = NOW + Duration::from_secs(1_000_000);
        assert_eq!(after_delivery(retry(Some(never)), 1, NOW, 0.0), Next::RetryAt(NOW + LONGEST_DELAY));
    }

    proptest! {
        #[test]
        fn jitter_takes_off_at_most_half(attempt in 1..MAX_ATTEMPTS, jitter in 0.0..=1.0) {
            let at = |jitter| match after_delivery(retry(None), attempt, NOW, jitter) {
                Next::RetryAt(at) => at - NOW,
                Next::Settled(outcome) => panic!("{outcome:?}"),
            };
            prop_assert!(at(jitter) <= at(0.0) && at(jitter) * 2 >= at(0.0));
        }
    }
}
