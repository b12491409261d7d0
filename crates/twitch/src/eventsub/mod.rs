//! EventSub webhooks (<https://dev.twitch.tv/docs/eventsub/handling-webhook-events/>): the signature over the bytes as
//! received, the age of a message, its kind and its payload.
//!
//! A receiver's order is: [`SigningSecrets::verify`] over the raw body, then [`check_age`], and only then
//! [`Envelope::parse`].

mod callback;
mod chat_message;
mod envelope;
mod hostile;
mod mapped_callback;
mod outgoing;
mod signature;
mod timestamp;

pub use callback::{CallbackError, CallbackUrl};
pub use chat_message::ChatMessageBuilder;
pub use envelope::{Badge, ChannelChatMessage, Condition, Envelope, MissingField, Subscription};
pub use hostile::{Hostile, NotHostile, OVERSIZED};
pub use mapped_callback::{MappedCallback, NotMapped};
pub use outgoing::Outgoing;
pub use signature::{SecretError, SigningSecret, SigningSecrets, VerifyError};
pub use timestamp::{MAX_AGE, StaleMessage, TimestampError, check_age, format_timestamp, parse_timestamp};

use http::HeaderMap;

/// Twitch's header names, in the lower case in which `http` keeps them.
pub mod header {
    /// The id of the message; a resent message has the same one.
    pub const MESSAGE_ID: &str = "twitch-eventsub-message-id";
    /// How many times the message has been resent.
    pub const MESSAGE_RETRY: &str = "twitch-eventsub-message-retry";
    /// `sha256=` and the HMAC in lower-case hexadecimal.
    pub const MESSAGE_SIGNATURE: &str = "twitch-eventsub-message-signature";
    /// When Twitch sent the message.
    pub const MESSAGE_TIMESTAMP: &str = "twitch-eventsub-message-timestamp";
    /// `notification`, `webhook_callback_verification` or `revocation`.
    pub const MESSAGE_TYPE: &str = "twitch-eventsub-message-type";
    /// The subscription type, such as `channel.chat.message`.
    pub const SUBSCRIPTION_TYPE: &str = "twitch-eventsub-subscription-type";
    /// The version of the subscription type.
    pub const SUBSCRIPTION_VERSION: &str = "twitch-eventsub-subscription-version";
    /// The common prefix of all of the above.
    pub const PREFIX: &str = "twitch-eventsub-";
}

/// The subscription type of chat messages, version 1.
pub const CHANNEL_CHAT_MESSAGE: &str = "channel.chat.message";

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// An event occurred.
    Notification,
    /// Twitch verifies that the callback is ours; the answer is the challenge.
    CallbackVerification,
    /// Twitch has revoked the subscription; its status says why.
    Revocation,
    /// An unknown kind.
    Unknown,
}

impl MessageType {
    /// The header decides; without it a body with a challenge is a verification, and any other a notification.
    #[must_use]
    pub fn of(headers: &HeaderMap, envelope: &Envelope) -> Self {
        match headers.get(header::MESSAGE_TYPE).map(http::HeaderValue::as_bytes) {
            Some(b"notification") => Self::Notification,
            Some(b"webhook_callback_verification") => Self::CallbackVerification,
            Some(b"revocation") => Self::Revocation,
            Some(_) => Self::Unknown,
            None if envelope.challenge.is_some() => Self::CallbackVerification,
            None => Self::Notification,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(header_value: Option<&str>, body: &str) -> MessageType {
        let mut headers = HeaderMap::new();
        if let Some(value) = header_value {
            headers.insert(header::MESSAGE_TYPE, value.parse().unwrap());
        }
        MessageType::of(&headers, &Envelope::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn the_header_decides_the_kind_before_the_body() {
        assert_eq!(kind(Some("notification"), r#"{"challenge":"c"}"#), MessageType::Notification);
        assert_eq!(kind(Some("webhook_callback_verification"), "{}"), MessageType::CallbackVerification);
        assert_eq!(kind(Some("revocation"), r#"{"challenge":"c"}"#), MessageType::Revocation);
        assert_eq!(kind(Some("something_new"), r#"{"challenge":"c"}"#), MessageType::Unknown);
    }

    #[test]
    fn without_the_header_a_challenge_makes_a_verification() {
        assert_eq!(kind(None, r#"{"challenge":"c"}"#), MessageType::CallbackVerification);
        assert_eq!(kind(None, r#"{"event":{}}"#), MessageType::Notification);
        assert_eq!(kind(None, r#"{"challenge":null}"#), MessageType::Notification);
    }
}
