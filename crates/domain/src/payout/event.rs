//! The events of a payout, and how they are written down.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use crate::{CharacterName, EnrollmentRequestId, Gold, ViewerId, announcement::Outcome, stream::StreamEvent};

/// Something that happened to a payout. Written once, read forever: a change of meaning is a new version.
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

impl Event {
    /// The type's name, as it is written down.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Awarded { .. } => "Awarded",
            Self::AcceptanceConfirmed { .. } => "AcceptanceConfirmed",
            Self::Started { .. } => "Started",
            Self::Returned { .. } => "Returned",
            Self::Sent { .. } => "Sent",
            Self::Failed { .. } => "Failed",
            Self::Cancelled { .. } => "Cancelled",
            Self::Expired { .. } => "Expired",
            Self::Announcement { .. } => "Announcement",
        }
    }
}

impl StreamEvent for Event {
    const VERSION: i16 = 1;
}
