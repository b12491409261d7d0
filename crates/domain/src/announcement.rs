//! The announcement of a payout that was sent: made in chat at most once, and never forgotten.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    CharacterName,
    backoff::{Backoff, not_before},
};

/// The text for chat.
#[must_use]
pub fn text(name: &CharacterName) -> String {
    format!("Награда отправлена персонажу {name} на почту, проверяй ящик!")
}

/// The state of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnnouncementState {
    /// Owed, and attempted when it is due.
    Pending,
    /// Claimed by a process that may be calling Twitch right now.
    Sending,
    /// Made: the line is in chat.
    Announced,
    /// Twitch accepted it and did not show it.
    Dropped,
    /// It may have been made. Not sent again automatically.
    Unknown,
    /// Not made, and not retried automatically.
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

    /// The state after an outcome; `None` if the outcome is impossible in this state.
    #[must_use]
    pub const fn after(self, outcome: &Outcome) -> Option<Self> {
        let may_follow = match outcome {
            Outcome::Announced { .. } | Outcome::Dropped { .. } | Outcome::Unknown { .. } | Outcome::Failed { .. } => {
                matches!(self, Self::Pending | Self::Sending)
            }
            Outcome::Retried => matches!(self, Self::Dropped | Self::Unknown | Self::Failed),
            Outcome::Resolved { .. } => matches!(self, Self::Unknown),
        };
        if may_follow { Some(state_after(outcome)) } else { None }
    }
}

impl fmt::Display for AnnouncementState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such announcement state")]
pub struct UnknownState;

impl FromStr for AnnouncementState {
    type Err = UnknownState;

    /// Ignores case.
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownState)
    }
}

/// The outcome of an announcement, as an event of the payout's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Twitch accepted it.
    Announced {
        /// Twitch's id of the message, if it gave one.
        message_id: Option<String>,
        /// How the outcome is known, unless Twitch simply reported it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Twitch accepted it and did not show it.
    Dropped {
        /// Twitch's reason.
        reason: String,
    },
    /// It may have been made.
    Unknown {
        /// What happened to the call.
        reason: String,
    },
    /// It was not made.
    Failed {
        /// Why it was not made.
        reason: String,
    },
    /// The operator wants another attempt.
    Retried,
    /// The operator has looked into the chat and says whether it was made.
    Resolved {
        /// Whether it was made.
        announced: bool,
    },
}

impl Outcome {
    /// Whether the message may be in chat without our knowing it.
    #[must_use]
    pub const fn may_have_been_said(&self) -> bool {
        match self {
            Self::Unknown { .. } => true,
            Self::Announced { .. }
            | Self::Dropped { .. }
            | Self::Failed { .. }
            | Self::Retried
            | Self::Resolved { .. } => false,
        }
    }
}

/// The state that follows from an outcome.
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
    /// Final, with this outcome.
    Final(Outcome),
    /// Twitch accepted it and did not show it, because the same text was sent just before.
    Duplicate {
        /// Twitch's reason.
        reason: String,
    },
    /// As far as is known not made, and worth another attempt.
    Retry {
        /// Why it was not made.
        reason: String,
        /// Earliest time of the next attempt, if Twitch gave one.
        not_before: Option<OffsetDateTime>,
        /// Whether Twitch received the message and may have shown it nevertheless, as behind a 500.
        may_have_been_said: bool,
    },
}

impl Delivery {
    /// Whether the message may be in chat without our knowing it.
    #[must_use]
    pub const fn may_have_been_said(&self) -> bool {
        match self {
            Self::Final(outcome) => outcome.may_have_been_said(),
            Self::Duplicate { .. } => false,
            Self::Retry { may_have_been_said, .. } => *may_have_been_said,
        }
    }
}

/// An attempt, and what is known of the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1; starts again at 1 when the operator asks for a retry.
    pub number: u32,
    /// Whether an earlier attempt, also before a retry, may have been shown.
    pub may_have_been_said: bool,
}

/// The number of attempts after which an announcement that cannot be delivered is `Failed`.
pub const MAX_ATTEMPTS: u32 = 12;
/// How long the worker leaves a new announcement to the request that created it.
pub const FIRST_DUE_AFTER: Duration = Duration::from_secs(5);

const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(600) };

/// What follows from a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The announcement is settled, with an event of the payout's stream.
    Settled(Outcome),
    /// Another attempt.
    Retry {
        /// When to make it, by the backend's clock.
        at: OffsetDateTime,
        /// Why this attempt did not announce.
        reason: String,
    },
}

/// Decides what follows an attempt. Delays grow from 2 s to 10 min; `jitter` is that of [`Backoff::delay`].
#[must_use]
pub fn after_delivery(delivery: Delivery, attempt: Attempt, now: OffsetDateTime, jitter: f64) -> Next {
    match delivery {
        Delivery::Final(outcome) => Next::Settled(outcome),
        // The earlier message was ours: Twitch had shown it in spite of its error.
        Delivery::Duplicate { reason } if attempt.may_have_been_said => Next::Settled(Outcome::Announced {
            message_id: None,
            detail: Some(format!("an earlier attempt was said: {reason}")),
        }),
        Delivery::Duplicate { reason } => Next::Settled(Outcome::Dropped { reason }),
        Delivery::Retry { reason, .. } if attempt.number >= MAX_ATTEMPTS => {
            Next::Settled(Outcome::Failed { reason: format!("gave up after {} attempts: {reason}", attempt.number) })
        }
        Delivery::Retry { reason, not_before: earliest, .. } => {
            let at = now + BACKOFF.delay(attempt.number, jitter);
            Next::Retry { at: not_before(at, earliest, now + BACKOFF.longest), reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn retry(not_before: Option<OffsetDateTime>) -> Delivery {
        Delivery::Retry { reason: "connection refused".to_owned(), not_before, may_have_been_said: false }
    }

    const fn attempt(number: u32) -> Attempt {
        Attempt { number, may_have_been_said: false }
    }

    /// When the next attempt is.
    fn retried_at(not_before: Option<OffsetDateTime>, number: u32, jitter: f64) -> OffsetDateTime {
        match after_delivery(retry(not_before), attempt(number), NOW, jitter) {
            Next::Retry { at, reason } if reason == "connection refused" => at,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_text_is_exactly_this() {
        let name = CharacterName::parse("Etoehero").unwrap();
        assert_eq!(text(&name), "Награда отправлена персонажу Etoehero на почту, проверяй ящик!");
    }

    #[test]
    fn delays_grow_to_a_limit_and_then_it_is_failed() {
        let delays: Vec<_> =
            (1..MAX_ATTEMPTS).map(|number| (retried_at(None, number, 0.0) - NOW).whole_seconds()).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        let last = after_delivery(retry(None), attempt(MAX_ATTEMPTS), NOW, 0.0);
        let Next::Settled(Outcome::Failed { reason }) = last else { panic!("tried for ever") };
        assert_eq!(reason, "gave up after 12 attempts: connection refused");
    }

    #[test]
    fn twitchs_reset_is_waited_for_within_reason() {
        let reset = NOW + Duration::from_secs(30);
        assert_eq!(retried_at(Some(reset), 1, 0.0), reset);
        let never = NOW + Duration::from_secs(1_000_000);
        assert_eq!(retried_at(Some(never), 1, 0.0), NOW + BACKOFF.longest);
    }

    #[test]
    fn a_duplicate_is_announced_where_an_earlier_attempt_may_have_been_said_and_else_dropped() {
        let reason = || "msg_duplicate: Again.".to_owned();
        for number in [1, 2, MAX_ATTEMPTS] {
            for may_have_been_said in [false, true] {
                let attempt = Attempt { number, may_have_been_said };
                let expected = if may_have_been_said {
                    let detail = Some("an earlier attempt was said: msg_duplicate: Again.".to_owned());
                    Outcome::Announced { message_id: None, detail }
                } else {
                    Outcome::Dropped { reason: reason() }
                };
                let next = after_delivery(Delivery::Duplicate { reason: reason() }, attempt, NOW, 0.0);
                assert_eq!(next, Next::Settled(expected), "{attempt:?}");
            }
        }
    }

    #[test]
    fn outcomes_of_before_there_were_details_are_read_and_written_as_they_were() {
        let written = serde_json::json!({ "result": "announced", "messageId": "m" });
        let outcome: Outcome = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(outcome, Outcome::Announced { message_id: Some("m".to_owned()), detail: None });
        assert_eq!(serde_json::to_value(outcome).unwrap(), written);
    }
}
