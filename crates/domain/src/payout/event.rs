//! The events of a payout, and how they are stored.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use crate::{CharacterName, EnrollmentRequestId, Gold, ViewerId, announcement::Outcome, stream::StreamEvent};

/// Something that happened to a payout. Written once, readable for ever: a change of meaning is a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum PayoutEvent {
    /// A viewer won. First of every stream.
    Awarded {
        /// The winner.
        viewer: ViewerId,
        /// The winner's display name at the draw.
        display_name: String,
        /// The character's name at the draw.
        character_name: CharacterName,
        /// The amount of gold.
        gold: Gold,
        /// The caller's id: `spin:<cycle>`.
        enrollment_request_id: EnrollmentRequestId,
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The winner accepted.
    AcceptanceConfirmed {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The desktop program took it up.
    Started {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The desktop program put it back.
    Returned {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The mail is sent; from here on the announcement is owed.
    Sent {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It could not be delivered.
    Failed {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It was cancelled.
    Cancelled {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// Nobody completed it in time.
    Expired {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// An outcome of the announcement.
    Announcement {
        /// The outcome.
        outcome: Outcome,
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
}

impl PayoutEvent {
    /// The type's name, as stored.
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

impl StreamEvent for PayoutEvent {
    const VERSION: i16 = 1;
}
