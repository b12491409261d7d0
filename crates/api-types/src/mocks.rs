//! The wire types of the stand-ins.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// `GET /token` of MockExtensionJwt, in the snake case of OAuth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// The signed token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Lifetime of the token from now on, in seconds.
    pub expires_in: u32,
}

/// `GET /last-request` of MockHelixApi. Everything but `captured` is absent until a chat message was accepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SequenceStep {
    /// `POST confirm-acceptance`, `PATCH status InProgress` or `PATCH status Sent`.
    pub name: String,
    /// The HTTP status of the backend's answer.
    pub status_code: u16,
    /// The first 500 characters of the answer.
    pub body_snippet: String,
}

/// `GET /requests` of every stand-in: the requests it received, except those to its own inspection and control routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// The number of requests since the start or the last reset, which may be more than are kept.
    pub total: u64,
    /// The last of them, oldest first.
    pub requests: Vec<JournalEntry>,
}

/// One request of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: Option<String>,
    /// The header `x-request-id`, or a generated one if there was none.
    pub request_id: Option<String>,
    /// The header `traceparent`.
    pub traceparent: Option<String>,
    /// The header `tracestate`.
    pub tracestate: Option<String>,
    /// The HTTP status of the answer; null while there is none, or if the connection was cut instead.
    pub status: Option<u16>,
    /// The body if it is JSON of at most 64 KiB.
    pub body: Option<Value>,
}

/// `GET /sent` of MockHelixApi: every chat message that counts as sent, whatever its caller saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// A fault for MockHelixApi to inject, once or several times: an element of `POST /faults` and `GET /faults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The route on which it happens.
    #[serde(default)]
    pub route: FaultRoute,
    /// For [`FaultKind::Status`]: the HTTP status of the answer, from 200 to 599. Default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The number of requests that it affects. Default 1.
    #[serde(default = "once")]
    pub times: u32,
    /// For [`FaultKind::Slow`]: the delay of the answer, in milliseconds. Default 1000. For [`FaultKind::Dropped`]: the time
    /// before the connection ends, in milliseconds. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// For [`FaultKind::NotSent`] of a chat message: the reason that is told. Default `msg_rejected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_reason: Option<DropReason>,
}

/// Why Twitch says that it did not send a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropReason {
    /// Its code, such as `automod_held`; Twitch documents none.
    pub code: String,
    /// The reason in words.
    #[serde(default)]
    pub message: String,
}

const fn once() -> u32 {
    1
}

/// The ways in which a call to Helix can fail. `GET /last-request` shows the message only if it counts as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A complete answer with the given status; the message is sent if and only if that is a success.
    Status,
    /// 200 saying that the message was accepted but not sent. On the subscription routes: 200 with an empty list.
    NotSent,
    /// The same, because the same text was sent just before. On other routes than the chat's, the same as `NotSent`.
    Duplicate,
    /// The message is sent; the connection ends without an answer.
    ReplyLost,
    /// The message is sent; the connection ends in the middle of the answer's body.
    Truncated,
    /// The message is sent; the answer comes late.
    Slow,
    /// The message is not sent; the connection ends without an answer.
    Dropped,
}

/// The routes of Helix and of the token service that can have faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultRoute {
    /// `POST /helix/chat/messages`.
    #[default]
    Chat,
    /// `GET /helix/subscriptions` and `GET /helix/subscriptions/user`.
    Subscription,
    /// `POST /oauth2/token`.
    Token,
    /// `GET`, `POST` and `DELETE /helix/eventsub/subscriptions`.
    #[serde(rename = "eventsub")]
    EventSub,
}

/// `POST /eventsub/revoke` of MockHelixApi: an EventSub subscription to revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
