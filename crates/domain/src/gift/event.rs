//! The events of a gift request.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use super::{FailureReason, SelectedItem};
use crate::{CharacterName, ViewerId, stream::StreamEvent};

/// Something that happened to a gift request. Written once, readable for ever: a change of meaning is a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum GiftEvent {
    /// A viewer asked. First of every stream.
    Requested {
        /// The viewer who asked.
        viewer: ViewerId,
        /// The viewer's display name.
        display_name: String,
        /// The character that gets the gift.
        character_name: CharacterName,
        /// Time by which Twitch has to confirm that the viewer subscribes to the channel; `None` if it has already done so.
        #[serde(with = "rfc3339::option")]
        verify_until: Option<OffsetDateTime>,
        /// When it was received, by the backend's clock; decides its place in the queue.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// Twitch says that the viewer subscribes to the channel: the request is in the queue.
    Verified {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It is the request's turn.
    Promoted {
        /// Time by which the item has to be selected.
        #[serde(with = "rfc3339")]
        timeout_at: OffsetDateTime,
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The streamer has chosen what to give.
    ItemSelected {
        /// The selected item.
        item: SelectedItem,
        /// Time by which it has to be confirmed.
        #[serde(with = "rfc3339")]
        timeout_at: OffsetDateTime,
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// The receiver has it.
    Completed {
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It failed.
    Failed {
        /// Why it failed.
        reason: FailureReason,
        /// When it happened, by the backend's clock.
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
}

impl GiftEvent {
    /// When it happened, by the backend's clock.
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

    /// The type's name, as stored.
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

impl StreamEvent for GiftEvent {
    const VERSION: i16 = 1;
}
