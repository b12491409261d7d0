//! What MockHelixApi delivered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// `GET /admin/deliveries` of MockHelixApi; `D` is whatever serializes as a list of deliveries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deliveries<D = Vec<Delivery>> {
    /// The number of deliveries since the start or the last reset, which may be more than are kept.
    pub total: u64,
    /// Those of the last that pass the filters, oldest first.
    pub deliveries: D,
    /// The messages that wait to be delivered, or delivered again, whatever the filters.
    pub waiting: Vec<WaitingMessage>,
}

/// One attempt to deliver a message, to a callback or over a WebSocket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The message's id, the same for each attempt.
    pub message_id: String,
    /// `notification`, `webhook_callback_verification` or `revocation`.
    pub message_type: String,
    /// How many attempts came before this one.
    pub retry: u32,
    /// The id of the subscription.
    pub subscription_id: String,
    /// The type of the subscription.
    pub subscription_type: String,
    /// The callback as it was subscribed, or the id of the WebSocket session.
    pub to: String,
    /// When it began, by the machine's clock.
    #[serde(with = "crate::timestamp")]
    pub time: OffsetDateTime,
    /// How it was made hostile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostile: Option<String>,
    /// The headers, of which none holds a secret; empty for a WebSocket.
    pub headers: BTreeMap<String, String>,
    /// The body if it is of at most 64 KiB.
    pub body: Option<Value>,
    /// The size of the body, in bytes.
    pub body_bytes: usize,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// The first 500 characters of the answer's body.
    pub answer: Option<String>,
    /// Why there is no answer.
    pub problem: Option<String>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// The receiver accepted it: any status from 200 to 299, and for a challenge 200 with exactly the challenge.
    Accepted,
    /// The receiver answered in another way.
    Refused,
    /// The receiver may have seen it, and did not answer completely or in time.
    NoAnswer,
    /// There was no connection to the receiver.
    NotConnected,
    /// It was handed to the WebSocket, whose receivers do not answer.
    Sent,
    /// It was not sent: the WebSocket is gone or does not read, or this kind of hostile delivery is impossible there.
    NotSent,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingMessage {
    /// The message's id.
    pub message_id: String,
    /// The id of the subscription.
    pub subscription_id: String,
    /// How many attempts were made.
    pub retry: u32,
    /// When it is due, by the world's clock; null for one that waits for the next message.
    #[serde(with = "crate::timestamp::option")]
    pub due: Option<OffsetDateTime>,
}
