//! A payout's state: the fold of its events.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

use super::PayoutEvent;
use crate::{
    CharacterName, EnrollmentRequestId, Gold, ViewerId,
    announcement::AnnouncementState,
    stream::{Aggregate, ImpossibleEvent},
};

/// The status of a payout, as the outside sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayoutStatus {
    /// Awarded; the desktop program has not taken it up.
    Pending,
    /// The desktop program is working on it.
    InProgress,
    /// The mail with the gold is sent. Terminal.
    Sent,
    /// It could not be delivered. Terminal.
    Failed,
    /// The streamer cancelled it. Terminal.
    Cancelled,
    /// Nobody completed it in time. Terminal.
    Expired,
}

impl PayoutStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::InProgress, Self::Sent, Self::Failed, Self::Cancelled, Self::Expired];

    /// The status's name, as stored and as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Sent => "Sent",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Expired => "Expired",
        }
    }

    /// Whether a payout in this status prevents another one.
    #[must_use]
    pub const fn is_active(self) -> bool {
        match self {
            Self::Pending | Self::InProgress => true,
            Self::Sent | Self::Failed | Self::Cancelled | Self::Expired => false,
        }
    }
}

impl fmt::Display for PayoutStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such payout status")]
pub struct UnknownPayoutStatus;

impl FromStr for PayoutStatus {
    type Err = UnknownPayoutStatus;

    /// Ignores case: the desktop program sends `inProgress`.
    fn from_str(text: &str) -> Result<Self, UnknownPayoutStatus> {
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownPayoutStatus)
    }
}

/// The status of a payout, with the data that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutState {
    /// See [`PayoutStatus::Pending`].
    Pending,
    /// See [`PayoutStatus::InProgress`].
    InProgress,
    /// See [`PayoutStatus::Sent`].
    Sent {
        /// The state of its announcement. Never `Sending`, since claiming it is not an event.
        announcement: AnnouncementState,
    },
    /// See [`PayoutStatus::Failed`].
    Failed,
    /// See [`PayoutStatus::Cancelled`].
    Cancelled,
    /// See [`PayoutStatus::Expired`].
    Expired,
}

impl PayoutState {
    /// The status's name.
    #[must_use]
    pub const fn status(&self) -> PayoutStatus {
        match self {
            Self::Pending => PayoutStatus::Pending,
            Self::InProgress => PayoutStatus::InProgress,
            Self::Sent { .. } => PayoutStatus::Sent,
            Self::Failed => PayoutStatus::Failed,
            Self::Cancelled => PayoutStatus::Cancelled,
            Self::Expired => PayoutStatus::Expired,
        }
    }

    /// The state of the payout after one more event about its status; `None` if the event cannot follow.
    fn after(&self, event: &PayoutEvent) -> Option<Self> {
        match (self, event) {
            (Self::Pending, PayoutEvent::Started { .. }) => Some(Self::InProgress),
            (Self::InProgress, PayoutEvent::Returned { .. }) => Some(Self::Pending),
            (Self::InProgress, PayoutEvent::Sent { .. }) => {
                Some(Self::Sent { announcement: AnnouncementState::Pending })
            }
            (Self::Pending | Self::InProgress, PayoutEvent::Failed { .. }) => Some(Self::Failed),
            (Self::Pending | Self::InProgress, PayoutEvent::Cancelled { .. }) => Some(Self::Cancelled),
            (Self::Pending | Self::InProgress, PayoutEvent::Expired { .. }) => Some(Self::Expired),
            (Self::Sent { announcement }, PayoutEvent::Announcement { outcome, .. }) => {
                Some(Self::Sent { announcement: announcement.after(outcome)? })
            }
            (
                // The acceptance belongs to the payout, whatever its status.
                Self::Pending | Self::InProgress | Self::Sent { .. } | Self::Failed | Self::Cancelled | Self::Expired,
                PayoutEvent::Awarded { .. } | PayoutEvent::AcceptanceConfirmed { .. },
            )
            | (
                Self::Pending | Self::Sent { .. } | Self::Failed | Self::Cancelled | Self::Expired,
                PayoutEvent::Returned { .. } | PayoutEvent::Sent { .. },
            )
            | (
                Self::InProgress | Self::Sent { .. } | Self::Failed | Self::Cancelled | Self::Expired,
                PayoutEvent::Started { .. },
            )
            | (
                Self::Sent { .. } | Self::Failed | Self::Cancelled | Self::Expired,
                PayoutEvent::Failed { .. } | PayoutEvent::Cancelled { .. } | PayoutEvent::Expired { .. },
            )
            | (
                Self::Pending | Self::InProgress | Self::Failed | Self::Cancelled | Self::Expired,
                PayoutEvent::Announcement { .. },
            ) => None,
        }
    }
}

/// A payout that was awarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// The winner.
    pub viewer: ViewerId,
    /// The winner's display name at the draw.
    pub display_name: String,
    /// The name, at the draw, of the character that gets the gold.
    pub character_name: CharacterName,
    /// The amount of gold.
    pub gold: Gold,
    /// The caller's id: `spin:<cycle>`.
    pub enrollment_request_id: EnrollmentRequestId,
    /// When it was awarded, by the backend's clock.
    pub created_at: OffsetDateTime,
    /// When the winner's acceptance was first confirmed, by the backend's clock; independent of the status.
    pub accepted_at: Option<OffsetDateTime>,
    /// Its state.
    pub state: PayoutState,
}

impl Payout {
    /// The status's name.
    #[must_use]
    pub const fn status(&self) -> PayoutStatus {
        self.state.status()
    }

    /// The state of its announcement; `None` until the payout is `Sent`.
    #[must_use]
    pub const fn announcement(&self) -> Option<AnnouncementState> {
        match self.state {
            PayoutState::Sent { announcement } => Some(announcement),
            PayoutState::Pending
            | PayoutState::InProgress
            | PayoutState::Failed
            | PayoutState::Cancelled
            | PayoutState::Expired => None,
        }
    }

    /// Whether the announcement is known to be in chat.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.announcement() == Some(AnnouncementState::Announced)
    }

    fn awarded(event: &PayoutEvent) -> Result<Self, ImpossibleEvent> {
        let PayoutEvent::Awarded { viewer, display_name, character_name, gold, enrollment_request_id, at } = event
        else {
            return Err(impossible(event, "not there yet".to_owned()));
        };
        Ok(Self {
            viewer: viewer.clone(),
            display_name: display_name.clone(),
            character_name: character_name.clone(),
            gold: *gold,
            enrollment_request_id: enrollment_request_id.clone(),
            created_at: *at,
            accepted_at: None,
            state: PayoutState::Pending,
        })
    }
}

impl Aggregate for Payout {
    const KIND: &'static str = "payout";
    type Event = PayoutEvent;

    fn transition(payout: Option<&Self>, event: &PayoutEvent) -> Result<Self, ImpossibleEvent> {
        let Some(payout) = payout else {
            return Self::awarded(event);
        };
        if let PayoutEvent::AcceptanceConfirmed { at } = event {
            return match payout.accepted_at {
                None => Ok(Self { accepted_at: Some(*at), ..payout.clone() }),
                Some(_) => Err(impossible(event, format!("{}, and accepted", payout.status()))),
            };
        }
        let state = payout.state.after(event).ok_or_else(|| {
            let announcement = payout.announcement().map(|announcement| format!(", its announcement {announcement}"));
            impossible(event, format!("{}{}", payout.status(), announcement.unwrap_or_default()))
        })?;
        Ok(Self { state, ..payout.clone() })
    }
}

fn impossible(event: &PayoutEvent, state: String) -> ImpossibleEvent {
    ImpossibleEvent { kind: Payout::KIND, event_type: event.name(), state }
}
