//! Signed notifications, prepared before the clock starts.

use anyhow::Result;
use bytes::Bytes;
use hyper::HeaderMap;
use mgm_twitch::eventsub::{ChatMessageBuilder, SigningSecrets, format_timestamp};
use secrecy::SecretString;
use time::OffsetDateTime;

/// The secret that the backend under test is configured with.
pub const SECRET: &str = "benchmark-eventsub-secret";
/// The broadcaster that the backend is configured with.
pub const BROADCASTER: &str = "benchmark-broadcaster";
/// The path for notifications.
pub const PATH: &str = "/api/twitch/eventsub";

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The headers, signature included.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Signs what viewers type.
#[derive(Debug)]
pub struct Signer(SigningSecrets);

impl Signer {
    /// A signer with [`SECRET`].
    pub fn new() -> Result<Self> {
        Ok(Self(SigningSecrets::new([&SecretString::from(SECRET)])?))
    }

    /// A line of chat by a subscriber, as the complete body that Twitch sends.
    #[expect(clippy::disallowed_methods, reason = "a signature is of now")]
    pub fn line(&self, message_id: &str, viewer: &str, text: &str) -> Notification {
        let message = ChatMessageBuilder {
            message_id: message_id.to_owned(),
            broadcaster_user_id: BROADCASTER.to_owned(),
            source_broadcaster_user_id: None,
            chatter_user_id: viewer.to_owned(),
            chatter_user_login: viewer.to_owned(),
            text: text.to_owned(),
            badges: vec!["subscriber".to_owned()],
        };
        let body = message.full_body();
        let timestamp = format_timestamp(OffsetDateTime::now_utc());
        Notification { headers: self.0.notification_headers(message_id, &timestamp, &body), body: body.into() }
    }

    /// Enrolments of new viewers, numbered from this one.
    pub fn enrolments(&self, first: usize, count: usize) -> Vec<Notification> {
        (first..first + count)
            .map(|number| {
                let text = format!("!twgold {}", character(number));
                self.line(&format!("message-{number}"), &format!("viewer-{number}"), &text)
            })
            .collect()
    }
}

/// A character name that is unique to the number: letters only.
pub fn character(number: usize) -> String {
    let digits = number.to_string();
    let letters = digits.bytes().map(|digit| char::from(digit - b'0' + b'a'));
    std::iter::once('N').chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use mgm_domain::CharacterName;

    use super::*;

    #[test]
    fn the_names_are_names() {
        for number in [0, 7, 1_000_000, 99_999_999] {
            CharacterName::parse(&character(number)).unwrap();
        }
    }
}
