//! The headers of a message to a callback.

use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{CHANNEL_CHAT_MESSAGE, SigningSecrets, header};

/// A message to a callback, but for its time and its body.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The id of the message; a resent message has the same one.
    pub message_id: &'a str,
    /// How many times it has been resent.
    pub retry: u32,
    /// `notification`, `webhook_callback_verification` or `revocation`.
    pub message_type: &'a str,
    /// The type of the subscription.
    pub subscription_type: &'a str,
    /// The version of that type.
    pub subscription_version: &'a str,
}

impl<'a> Outgoing<'a> {
    /// The first notification of a chat message.
    #[must_use]
    pub const fn chat_message(message_id: &'a str) -> Self {
        Self {
            message_id,
            retry: 0,
            message_type: "notification",
            subscription_type: CHANNEL_CHAT_MESSAGE,
            subscription_version: "1",
        }
    }
}

impl SigningSecrets {
    /// The headers of a message as Twitch sends them, including `Content-Type`. Without a secret the signature reads
    /// `sha256=unused`, which only a receiver that does not verify accepts. It is an error if one of the texts is not allowed
    /// in a header.
    pub fn headers(
        &self,
        message: &Outgoing<'_>,
        timestamp: &str,
        body: &[u8],
    ) -> Result<HeaderMap, InvalidHeaderValue> {
        let signature = self.sign(message.message_id.as_bytes(), timestamp.as_bytes(), body);
        [
            ("content-type", "application/json"),
            (header::MESSAGE_ID, message.message_id),
            (header::MESSAGE_RETRY, &message.retry.to_string()),
            (header::MESSAGE_TYPE, message.message_type),
            (header::MESSAGE_TIMESTAMP, timestamp),
            (header::MESSAGE_SIGNATURE, signature.as_deref().unwrap_or("sha256=unused")),
            (header::SUBSCRIPTION_TYPE, message.subscription_type),
            (header::SUBSCRIPTION_VERSION, message.subscription_version),
        ]
        .into_iter()
        .map(|(name, value)| Ok((HeaderName::from_static(name), HeaderValue::from_str(value)?)))
        .collect()
    }

    /// The headers of the first notification of a chat message.
    ///
    /// # Panics
    ///
    /// If the id or the timestamp is not allowed in a header.
    #[must_use]
    pub fn notification_headers(&self, message_id: &str, timestamp: &str, body: &[u8]) -> HeaderMap {
        let headers = self.headers(&Outgoing::chat_message(message_id), timestamp, body);
        headers.expect("the caller gives values that can stand in a header")
    }
}
