//! Faults that a stand-in is asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::matching::RequestMatch;

/// A fault to inject, once or several times: an element of `POST /faults` and `GET /faults`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The route on which it happens. Default for MockHelixApi, unless there is a `match`: `chat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<FaultRoute>,
    /// The requests or deliveries to which it happens.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub wanted: Option<RequestMatch>,
    /// How many of them pass unharmed before. Default 0.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub after: u32,
    /// The number of them that it affects. Default 1.
    #[serde(default = "once")]
    pub times: u32,
    /// For `status`: the HTTP status of the answer, from 200 to 599. Default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// In milliseconds; for `slow` and `late`, the delay, and for `slow_body`, the time that the body takes: default 1000.
    /// For `dropped` and `reset`, the time before the connection ends: default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// For `not_sent` of a chat message: the reason that is told. Default `msg_rejected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_reason: Option<DropReason>,
    /// For `rate_limited`: the seconds until the caller may try again. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl Fault {
    /// A fault of this kind, once, on the default route.
    #[must_use]
    pub const fn of(kind: FaultKind) -> Self {
        Self {
            kind,
            route: None,
            wanted: None,
            after: 0,
            times: 1,
            status: None,
            delay_ms: None,
            drop_reason: None,
            retry_after_seconds: None,
        }
    }
}

/// Why Twitch says that it did not send a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_nothing(after: &u32) -> bool {
    *after == 0
}

/// The ways in which a call or a delivery can fail. A request that is carried out has its effect (a chat message is sent);
/// one that is not has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A complete answer with the given status; the request is carried out if and only if that is a success.
    Status,
    /// 200 saying that the message was accepted but not sent. On routes without messages: 200 with nothing in it.
    NotSent,
    /// The same, because the same text was sent just before. On other routes than the chat's, the same as `NotSent`.
    Duplicate,
    /// 429 with the time to wait; the request is not carried out.
    RateLimited,
    /// The request is carried out; the connection ends without an answer.
    ReplyLost,
    /// The request is carried out; the connection ends in the middle of the answer's body.
    Truncated,
    /// The request is carried out; the answer comes late.
    #[serde(alias = "delay")]
    Slow,
    /// The request is carried out; the answer's body comes bit by bit.
    SlowBody,
    /// The request is not carried out; the connection ends without an answer.
    Dropped,
    /// The same, by a reset of the connection (TCP's RST).
    Reset,
    /// A delivery is not made.
    NotDelivered,
    /// A delivery is made late.
    Late,
    /// A delivery is made twice.
    Twice,
    /// A delivery is made, and its answer counts as lost.
    AnswerLost,
}

impl FaultKind {
    /// Whether it happens to deliveries; all others happen to requests.
    #[must_use]
    pub const fn is_of_deliveries(self) -> bool {
        match self {
            Self::NotDelivered | Self::Late | Self::Twice | Self::AnswerLost => true,
            Self::Status
            | Self::NotSent
            | Self::Duplicate
            | Self::RateLimited
            | Self::ReplyLost
            | Self::Truncated
            | Self::Slow
            | Self::SlowBody
            | Self::Dropped
            | Self::Reset => false,
        }
    }
}

/// Names for some routes of Helix and of the token service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultRoute {
    /// `POST /helix/chat/messages`.
    Chat,
    /// `GET /helix/subscriptions` and `GET /helix/subscriptions/user`.
    Subscription,
    /// `POST /oauth2/token`.
    Token,
    /// `GET`, `POST` and `DELETE /helix/eventsub/subscriptions`.
    #[serde(rename = "eventsub")]
    EventSub,
}
