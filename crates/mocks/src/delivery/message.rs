//! A message about a subscription.

use mgm_twitch::eventsub::Hostile;
use serde_json::{Value, json};

use crate::world::Subscription;

/// What a message is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MessageType {
    Challenge,
    Notification,
    Revocation,
}

impl MessageType {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Challenge => "webhook_callback_verification",
            Self::Notification => "notification",
            Self::Revocation => "revocation",
        }
    }
}

/// A message about a subscription.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) kind: MessageType,
    /// The subscription when the message was made.
    pub(crate) subscription: Subscription,
    /// The body of a webhook, which is the payload of a WebSocket's message.
    pub(crate) payload: String,
    pub(crate) hostile: Option<Hostile>,
}

impl Message {
    fn new(id: String, kind: MessageType, subscription: Subscription, mut payload: Value) -> Self {
        payload["subscription"] = subscription.show();
        Self { id, kind, subscription, payload: payload.to_string(), hostile: None }
    }

    /// Asks the callback to prove itself.
    pub(crate) fn challenge(id: String, subscription: Subscription, challenge: &str) -> Self {
        Self::new(id, MessageType::Challenge, subscription, json!({"challenge": challenge}))
    }

    /// Reports an event.
    pub(crate) fn notification(
        id: String,
        subscription: Subscription,
        event: &Value,
        hostile: Option<Hostile>,
    ) -> Self {
        let message = Self::new(id, MessageType::Notification, subscription, json!({"event": event}));
        Self { hostile, ..message }
    }

    /// Reports the end of the subscription, whose status says why.
    pub(crate) fn revocation(id: String, subscription: Subscription) -> Self {
        Self::new(id, MessageType::Revocation, subscription, json!({}))
    }
}
