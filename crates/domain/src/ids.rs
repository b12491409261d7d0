//! Identifiers. Each has its own type, so that a viewer is never passed for a broadcaster.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Empty or only white space.
    #[error("is blank")]
    Blank,
    /// Longer than [`MAX_ID_BYTES`].
    #[error("is longer than {MAX_ID_BYTES} bytes")]
    TooLong,
    /// Holds a control character, which no identifier of ours or of Twitch's has (and PostgreSQL stores no NUL).
    #[error("holds a control character")]
    ControlCharacter,
}

/// The longest accepted identifier, in bytes. Twitch's have at most 36 characters; an index row has room for this many.
pub const MAX_ID_BYTES: usize = 256;

fn check(text: &str) -> Result<(), InvalidId> {
    if text.trim().is_empty() {
        return Err(InvalidId::Blank);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(InvalidId::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidId::ControlCharacter);
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Accepts the text as it is: not blank, at most [`MAX_ID_BYTES`] long, without control characters.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The identifier's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an existing UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_id!(
    /// The streamer's Twitch user id. Every key in the database starts with it.
    BroadcasterId
);
text_id!(
    /// A viewer's Twitch user id.
    ViewerId
);
text_id!(
    /// A chat message's id (`event.message_id`), by which a redelivery is recognised.
    MessageId
);
text_id!(
    /// The id that a caller chooses for a claim of the panel or a payout.
    EnrollmentRequestId
);
uuid_id!(
    /// A payout, and the stream of its events.
    PayoutId
);
uuid_id!(
    /// A gift request, and the stream of its events.
    GiftId
);
uuid_id!(
    /// A cycle of the roulette.
    CycleId
);

impl EnrollmentRequestId {
    /// The id of the payout that a cycle's winner gets: `spin:` and the cycle's 32 hex digits.
    #[must_use]
    pub fn of_spin(cycle: CycleId) -> Self {
        Self(format!("spin:{}", cycle.0.simple()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_long_and_control_characters_are_no_id() {
        assert_eq!(ViewerId::parse(" \t"), Err(InvalidId::Blank));
        assert_eq!(ViewerId::parse("x".repeat(MAX_ID_BYTES + 1)), Err(InvalidId::TooLong));
        assert_eq!(ViewerId::parse("a\0b"), Err(InvalidId::ControlCharacter));
        assert_eq!(ViewerId::parse("e2e-viewer-1").unwrap().as_str(), "e2e-viewer-1");
    }

    #[test]
    fn a_spin_id_is_the_cycle_in_32_hex_digits() {
        let cycle = CycleId::from_uuid(Uuid::from_u128(0xA0));
        assert_eq!(EnrollmentRequestId::of_spin(cycle).as_str(), "spin:000000000000000000000000000000a0");
    }
}
