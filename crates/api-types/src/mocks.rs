//! The wire types of the stand-ins.

mod delivery;
mod faults;
mod journal;
mod matching;
mod verdict;

pub use delivery::{Deliveries, Delivery, DeliveryOutcome, WaitingMessage};
pub use faults::{DropReason, Fault, FaultKind, FaultRoute};
pub use journal::{Journal, JournalEntry};
pub use matching::{Expectation, RequestMatch, Verified, Verify};
pub use verdict::{MessageKind, Verdict};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// `GET /token` of MockExtensionJwt, in the snake case of OAuth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenAnswer {
    /// The signed token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Lifetime of the token from now on, in seconds.
    pub expires_in: u32,
}

/// `GET /last-request` of MockHelixApi. Everything but `captured` is absent until a chat message was accepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastRequest {
    /// Whether a chat message was accepted since the start or the last reset.
    pub captured: bool,
    /// The body as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The header `Authorization`; empty when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_header: Option<String>,
    /// The header `Client-Id`; empty when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id_header: Option<String>,
}

/// `POST /run-sequence` of SyntheticDesktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunSequence {
    /// The payout; the nil id counts as missing.
    #[serde(default)]
    pub payout_id: Uuid,
    /// The character of the payout, as typed or as the game spells it.
    #[serde(default)]
    pub character_name: String,
}

/// The answer of `POST /run-sequence`, and of `GET /last-run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SequenceRun {
    /// Whether all steps succeeded.
    pub ok: bool,
    /// The answered steps; if one failed, it is the last.
    pub steps: Vec<SequenceStep>,
    /// Why the sequence stopped.
    pub error: Option<String>,
    /// When it ended, by the stand-in's clock; null before the first run.
    #[serde(with = "crate::timestamp::option")]
    pub completed_at_utc: Option<OffsetDateTime>,
}

/// One call of the desktop program to the backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SequenceStep {
    /// `POST confirm-acceptance`, `PATCH status InProgress` or `PATCH status Sent`.
    pub name: String,
    /// The HTTP status of the backend's answer.
    pub status_code: u16,
    /// The first 500 characters of the answer.
    pub body_snippet: String,
}

/// `GET /sent` of MockHelixApi: every chat message that counts as sent, whatever its caller saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentMessages {
    /// Their number since the start or the last reset, which may be more than are kept.
    pub total: u64,
    /// The texts of the last of them, oldest first.
    pub messages: Vec<String>,
}

impl SentMessages {
    /// The texts since the total was `before`, as far as they are kept; all of them if the total is now lower, after a
    /// reset.
    #[must_use]
    pub fn since(&self, before: u64) -> &[String] {
        let new = self.total.checked_sub(before).unwrap_or(self.total);
        let kept = self.messages.len();
        let new = usize::try_from(new).unwrap_or(kept).min(kept);
        &self.messages[kept - new..]
    }
}

/// `POST /eventsub/revoke` of MockHelixApi: an EventSub subscription to revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeSubscription {
    /// The subscription's id. Default: the newest that is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Twitch's reason. Default `notification_failures_exceeded`.
    #[serde(default = "notification_failures_exceeded")]
    pub status: String,
}

fn notification_failures_exceeded() -> String {
    "notification_failures_exceeded".to_owned()
}

/// The answer of `POST /eventsub/revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokedSubscription {
    /// The subscription's id.
    pub id: String,
    /// The reason given.
    pub status: String,
    /// The HTTP status of its callback's answer; null if there was none.
    pub callback_status: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_since_is_the_end_of_what_is_kept() {
        let sent = SentMessages { total: 5, messages: ["c", "d", "e"].map(str::to_owned).to_vec() };
        for (before, since) in [(5, 0), (4, 1), (2, 3), (0, 3), (6, 3)] {
            assert_eq!(sent.since(before), &sent.messages[3 - since..], "{before}");
        }
    }
}
