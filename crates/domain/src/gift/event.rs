//! The events of a gift request.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use super::{FailureReason, SelectedItem};
use crate::{CharacterName, ViewerId, stream::StreamEvent};

/// Something that happened to a gift request. Written once, read forever: a change of meaning is a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// A viewer asked. First of every stream.
    Requested {
        /// Who.
        viewer: ViewerId,
        /// Their display name.
        display_name: String,
        /// The character that is to get the gift.
        character_name: CharacterName,
        /// Until when Twitch has to say that the viewer subscribes; `None` where it has said so already.
        #[serde(with = "rfc3339::option")]
        verify_until: Option<OffsetDateTime>,
        /// When it was received: its place in the queue.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// Twitch says that the viewer subscribes: the request is in the queue.
    Verified {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It is its turn.
    Promoted {
        /// Until when the item has to be selected.
        #[serde(with = "rfc3339")]
        timeout_at: OffsetDateTime,
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The streamer has chosen what to give.
    ItemSelected {
        /// What.
        item: SelectedItem,
        /// Until when it has to be confirmed.
        #[serde(with = "rfc3339")]
        timeout_at: OffsetDateTime,
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The receiver has it.
    Completed {
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It came to nothing.
    Failed {
        /// Why.
        reason: FailureReason,
        /// When.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
}

impl Event {
    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> OffsetDateTime {
        match self {
            Self::Requested { at, .. }
            | Self::Verified { at }
            | Self::Promoted { at, .. }
            | Self::ItemSelected { at, .. }
            | Self::Completed { at }
            | Self::Failed { at, .. } => *at,
        }
    }

    /// The type's name, as it is written down.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "Requested",
            Self::Verified { .. } => "Verified",
            Self::Promoted { .. } => "Promoted",
            Self::ItemSelected { .. } => "ItemSelected",
            Self::Completed { .. } => "Completed",
            Self::Failed { .. } => "Failed",
        }
    }
}

impl StreamEvent for Event {
    const VERSION: i16 = 1;
}
