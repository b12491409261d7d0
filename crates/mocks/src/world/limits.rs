//! The limits of the world.

use serde::{Deserialize, Serialize};

/// Limits; 0 means unlimited. Those that Twitch does not publish are marked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The points per minute of a client, or of a client and a user.
    pub points_per_minute: u32,
    /// The maximum number of a sender's messages in `chat_window_seconds`.
    pub chat_messages: u32,
    /// The same for a sender who is the broadcaster or a moderator.
    pub chat_messages_of_moderators: u32,
    /// For how long messages count, in seconds.
    pub chat_window_seconds: u32,
    /// The answer to a message beyond that limit (not published).
    pub chat_excess: Excess,
    /// For how long the same text is a duplicate, in seconds (not published for Helix).
    pub duplicate_seconds: u32,
    /// The maximum total cost of a client's `EventSub` subscriptions.
    pub eventsub_total_cost: u32,
    /// The maximum number of `EventSub` subscriptions with the same type and condition.
    pub eventsub_same: u32,
    /// The maximum total cost of a user's subscriptions over WebSockets.
    pub websocket_total_cost: u32,
    /// The maximum number of WebSockets of a client and user with enabled subscriptions.
    pub websocket_connections: u32,
    /// The maximum number of enabled subscriptions of a WebSocket.
    pub websocket_subscriptions: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            points_per_minute: 800,
            chat_messages: 20,
            chat_messages_of_moderators: 100,
            chat_window_seconds: 30,
            chat_excess: Excess::Refused,
            duplicate_seconds: 30,
            eventsub_total_cost: 10_000,
            eventsub_same: 3,
            websocket_total_cost: 10,
            websocket_connections: 3,
            websocket_subscriptions: 300,
        }
    }
}

impl Limits {
    /// Without the limits that time lifts.
    #[must_use]
    pub fn without_rates() -> Self {
        Self {
            points_per_minute: 0,
            chat_messages: 0,
            chat_messages_of_moderators: 0,
            duplicate_seconds: 0,
            ..Self::default()
        }
    }
}

/// The answer to a message beyond the limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// 429.
    Refused,
    /// 200 with `is_sent: false`.
    Dropped,
}
