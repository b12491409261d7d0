//! A gift request's state: the fold of its events.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

use super::{FailureReason, GiftEvent, SelectedItem};
use crate::{
    CharacterName, ViewerId,
    stream::{Aggregate, ImpossibleEvent},
};

/// The status of a gift request, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GiftStatus {
    /// Asked for in chat; Twitch has not yet confirmed that the viewer subscribes to the channel. In no queue.
    Unverified,
    /// In the queue.
    Pending,
    /// Its turn: the streamer selects the item.
    SelectingItem,
    /// The item is on its way; the receiver confirms it.
    WaitingConfirmation,
    /// The receiver has it. Terminal.
    Completed,
    /// It failed. Terminal.
    Failed,
}

impl GiftStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Unverified,
        Self::Pending,
        Self::SelectingItem,
        Self::WaitingConfirmation,
        Self::Completed,
        Self::Failed,
    ];

    /// The status's name, as stored and as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "Unverified",
            Self::Pending => "Pending",
            Self::SelectingItem => "SelectingItem",
            Self::WaitingConfirmation => "WaitingConfirmation",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }

    /// Whether a request in this status prevents another one of the same viewer.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Unverified | Self::Pending | Self::SelectingItem | Self::WaitingConfirmation => true,
            Self::Completed | Self::Failed => false,
        }
    }

    /// Whether a request in this status is the one being served.
    #[must_use]
    pub const fn is_served(self) -> bool {
        match self {
            Self::SelectingItem | Self::WaitingConfirmation => true,
            Self::Unverified | Self::Pending | Self::Completed | Self::Failed => false,
        }
    }
}

impl fmt::Display for GiftStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such status of a gift request")]
pub struct UnknownGiftStatus;

impl FromStr for GiftStatus {
    type Err = UnknownGiftStatus;

    fn from_str(text: &str) -> Result<Self, UnknownGiftStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownGiftStatus)
    }
}

/// The status of a gift request, with the data that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GiftState {
    /// See [`GiftStatus::Unverified`].
    Unverified {
        /// Time by which Twitch has to confirm that the viewer subscribes to the channel.
        timeout_at: OffsetDateTime,
    },
    /// See [`GiftStatus::Pending`].
    Pending,
    /// See [`GiftStatus::SelectingItem`].
    SelectingItem {
        /// Time by which the item has to be selected.
        timeout_at: OffsetDateTime,
    },
    /// See [`GiftStatus::WaitingConfirmation`].
    WaitingConfirmation {
        /// The selected item.
        item: SelectedItem,
        /// Time by which the receiver has to confirm.
        timeout_at: OffsetDateTime,
    },
    /// See [`GiftStatus::Completed`].
    Completed {
        /// The given item.
        item: SelectedItem,
    },
    /// See [`GiftStatus::Failed`].
    Failed {
        /// The selected item, if there was one.
        item: Option<SelectedItem>,
        /// Why it failed.
        reason: FailureReason,
    },
}

impl GiftState {
    /// The status's name.
    #[must_use]
    pub const fn status(&self) -> GiftStatus {
        match self {
            Self::Unverified { .. } => GiftStatus::Unverified,
            Self::Pending => GiftStatus::Pending,
            Self::SelectingItem { .. } => GiftStatus::SelectingItem,
            Self::WaitingConfirmation { .. } => GiftStatus::WaitingConfirmation,
            Self::Completed { .. } => GiftStatus::Completed,
            Self::Failed { .. } => GiftStatus::Failed,
        }
    }

    /// When the state times out, if it does.
    #[must_use]
    pub const fn timeout_at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Unverified { timeout_at }
            | Self::SelectingItem { timeout_at }
            | Self::WaitingConfirmation { timeout_at, .. } => Some(*timeout_at),
            Self::Pending | Self::Completed { .. } | Self::Failed { .. } => None,
        }
    }

    /// The item, once it is selected.
    #[must_use]
    pub const fn item(&self) -> Option<&SelectedItem> {
        match self {
            Self::WaitingConfirmation { item, .. } | Self::Completed { item } => Some(item),
            Self::Failed { item, .. } => item.as_ref(),
            Self::Unverified { .. } | Self::Pending | Self::SelectingItem { .. } => None,
        }
    }

    /// Why it failed, if it did.
    #[must_use]
    pub const fn failure_reason(&self) -> Option<&FailureReason> {
        match self {
            Self::Failed { reason, .. } => Some(reason),
            Self::Unverified { .. }
            | Self::Pending
            | Self::SelectingItem { .. }
            | Self::WaitingConfirmation { .. }
            | Self::Completed { .. } => None,
        }
    }
}

/// A gift request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gift {
    /// The viewer who asked.
    pub viewer: ViewerId,
    /// The viewer's display name at that time.
    pub display_name: String,
    /// The character that gets the gift.
    pub character_name: CharacterName,
    /// When it was received, by the backend's clock; decides its place in the queue.
    pub created_at: OffsetDateTime,
    /// When it last changed, by the backend's clock.
    pub updated_at: OffsetDateTime,
    /// Its state.
    pub state: GiftState,
}

impl Aggregate for Gift {
    const KIND: &'static str = "gift";
    type Event = GiftEvent;

    fn transition(gift: Option<&Self>, event: &GiftEvent) -> Result<Self, ImpossibleEvent> {
        let Some(gift) = gift else {
            return Self::requested(event);
        };
        let state = gift.state.after(event)?;
        Ok(Self { state, updated_at: event.at(), ..gift.clone() })
    }
}

impl GiftState {
    /// The state of the request after one more event.
    fn after(&self, event: &GiftEvent) -> Result<Self, ImpossibleEvent> {
        match (self, event) {
            (Self::Unverified { .. }, GiftEvent::Verified { .. }) => Ok(Self::Pending),
            (Self::Pending, GiftEvent::Promoted { timeout_at, .. }) => {
                Ok(Self::SelectingItem { timeout_at: *timeout_at })
            }
            (Self::SelectingItem { .. }, GiftEvent::ItemSelected { item, timeout_at, .. }) => {
                Ok(Self::WaitingConfirmation { item: item.clone(), timeout_at: *timeout_at })
            }
            (Self::WaitingConfirmation { item, .. }, GiftEvent::Completed { .. }) => {
                Ok(Self::Completed { item: item.clone() })
            }
            (
                Self::Unverified { .. } | Self::Pending | Self::SelectingItem { .. } | Self::WaitingConfirmation { .. },
                GiftEvent::Failed { reason, .. },
            ) => Ok(Self::Failed { item: self.item().cloned(), reason: reason.clone() }),
            (
                Self::Unverified { .. }
                | Self::Pending
                | Self::SelectingItem { .. }
                | Self::WaitingConfirmation { .. }
                | Self::Completed { .. }
                | Self::Failed { .. },
                GiftEvent::Requested { .. }
                | GiftEvent::Verified { .. }
                | GiftEvent::Promoted { .. }
                | GiftEvent::ItemSelected { .. }
                | GiftEvent::Completed { .. }
                | GiftEvent::Failed { .. },
            ) => Err(impossible(event, self.status().as_str())),
        }
    }
}

impl Gift {
    fn requested(event: &GiftEvent) -> Result<Self, ImpossibleEvent> {
        let GiftEvent::Requested { viewer, display_name, character_name, verify_until, at } = event else {
            return Err(impossible(event, "not there yet"));
        };
        Ok(Self {
            viewer: viewer.clone(),
            display_name: display_name.clone(),
            character_name: character_name.clone(),
            created_at: *at,
            updated_at: *at,
            state: verify_until.map_or(GiftState::Pending, |timeout_at| GiftState::Unverified { timeout_at }),
        })
    }
}

fn impossible(event: &GiftEvent, state: &str) -> ImpossibleEvent {
    ImpossibleEvent { kind: Gift::KIND, event_type: event.name(), state: state.to_owned() }
}
