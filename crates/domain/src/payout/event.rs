//! The events of a payout, and how they are written down.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{OffsetDateTime, serde::rfc3339};

use crate::{CharacterName, EnrollmentRequestId, Gold, ViewerId, announcement::Outcome};

/// Something that happened to a payout. Written once, read forever: a change of meaning is a new [`Event::VERSION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// A viewer won. First of every stream.
    Awarded {
        /// Who.
        viewer: ViewerId,
        /// Their display name at the draw.
        display_name: String,
        /// The character's name at the draw.
        character_name: CharacterName,
        /// How much.
        gold: Gold,
        /// `spin:<cycle>`.
        enrollment_request_id: EnrollmentRequestId,
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The winner accepted.
    AcceptanceConfirmed {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The desktop took it up.
    Started {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The desktop put it back.
    Returned {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The mail is sent; from here on the announcement is owed.
    Sent {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It could not be delivered.
    Failed {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It was called off.
    Cancelled {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// Nobody took it to an end in time.
    Expired {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// What became of the announcement.
    Announcement {
        /// What.
        outcome: Outcome,
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
}

/// An event that cannot be read back. Never skipped: a fold that leaves one out is wrong.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer program.
    #[error("event type {event_type:?} has version {version}, this program knows version {known}")]
    UnknownVersion {
        /// The event's type.
        event_type: String,
        /// Its version.
        version: i16,
        /// The version known here.
        known: i16,
    },
    /// Of no known type, or with other fields than its type has.
    #[error("event type {event_type:?} cannot be read: {source}")]
    Malformed {
        /// The event's type.
        event_type: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Event {
    /// The version of the written form.
    pub const VERSION: i16 = 1;

    /// The written form: the type's name and its data.
    ///
    /// # Panics
    ///
    /// Never: every field is representable in JSON.
    #[must_use]
    pub fn encode(&self) -> (String, Value) {
        let mut written = serde_json::to_value(self).expect("every field of an event is representable in JSON");
        let event_type = written["type"].as_str().expect("an event is written with its type").to_owned();
        (event_type, written["data"].take())
    }

    /// Reads the written form back.
    pub fn decode(event_type: &str, version: i16, data: &Value) -> Result<Self, DecodeError> {
        if version != Self::VERSION {
            return Err(DecodeError::UnknownVersion {
                event_type: event_type.to_owned(),
                version,
                known: Self::VERSION,
            });
        }
        serde_json::from_value(json!({ "type": event_type, "data": data }))
            .map_err(|source| DecodeError::Malformed { event_type: event_type.to_owned(), source })
    }
}
