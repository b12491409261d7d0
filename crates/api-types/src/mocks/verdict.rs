//! Where a message went, and what became of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a message came in or went out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// It came in.
    #[default]
    Request,
    /// It went out: to a callback, or over a WebSocket.
    Delivery,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It has no answer yet.
    #[default]
    Pending,
    /// It was answered.
    Answered,
    /// A part of the answer was sent.
    Truncated,
    /// The connection was ended without an answer.
    Cut,
    /// The caller went away before the answer.
    Abandoned,
    /// A delivery got no answer.
    Unanswered,
    /// It was sent over a WebSocket, where nothing is answered.
    Sent,
    /// A delivery was not made, because of a fault.
    Withheld,
}
