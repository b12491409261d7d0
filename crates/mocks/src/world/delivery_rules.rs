//! How messages are delivered, as far as Twitch does not publish it.

use serde::{Deserialize, Serialize};

/// The rules of deliveries. Twitch publishes none of the numbers.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryRules {
    /// For how long an answer is waited for, in milliseconds of the machine's clock ("a few seconds").
    pub timeout_ms: u32,
    /// The pauses between the attempts to deliver a notification, in seconds; there is one attempt more than pauses.
    pub retry_after_seconds: Vec<u32>,
    /// After how many notifications in a row, each lost after its last attempt, a subscription is revoked; 0: never.
    pub failures: u32,
    /// How long the body of a hostile delivery takes to arrive, in milliseconds of the machine's clock.
    pub slow_body_ms: u32,
    /// How often a WebSocket is pinged, in seconds.
    pub ping_seconds: u32,
    /// How soon a ping has to be answered, in seconds.
    pub pong_seconds: u32,
}

impl Default for DeliveryRules {
    fn default() -> Self {
        Self {
            timeout_ms: 10_000,
            retry_after_seconds: vec![10, 60, 300],
            failures: 10,
            slow_body_ms: 3000,
            ping_seconds: 30,
            pong_seconds: 10,
        }
    }
}
