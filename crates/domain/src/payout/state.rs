//! A payout's state: the fold of its events.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

use super::Event;
use crate::{
    CharacterName, EnrollmentRequestId, Gold, ViewerId,
    announcement::{self, AnnouncementState},
    stream::Aggregate,
};

/// Where a payout stands, as the outside sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayoutStatus {
    /// Awarded; the desktop has not taken it up.
    Pending,
    /// The desktop is at it.
    InProgress,
    /// The mail with the gold is sent. Terminal.
    Sent,
    /// It could not be delivered. Terminal.
    Failed,
    /// The streamer called it off. Terminal.
    Cancelled,
    /// Nobody took it to an end in time. Terminal.
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

    /// Whether a payout in this status still stands in the way of another.
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

/// The text names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such payout status")]
pub struct UnknownStatus;

impl FromStr for PayoutStatus {
    type Err = UnknownStatus;

    /// Matches without regard to case: the desktop program sends `inProgress`.
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownStatus)
    }
}

/// A payout that was awarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// Who won.
    pub viewer: ViewerId,
    /// Their display name at the draw.
    pub display_name: String,
    /// The character that gets the gold, as it was named at the draw.
    pub character_name: CharacterName,
    /// How much.
    pub gold: Gold,
    /// `spin:<cycle>`.
    pub enrollment_request_id: EnrollmentRequestId,
    /// When it was awarded.
    pub created_at: OffsetDateTime,
    /// When the winner's acceptance was first confirmed. Apart from the status: it may come at any time.
    pub accepted_at: Option<OffsetDateTime>,
    /// Where it stands.
    pub status: PayoutStatus,
    /// Where its announcement stands; `None` until the payout is `Sent`.
    pub announcement: Option<AnnouncementState>,
}

impl Payout {
    /// Whether the announcement is out.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.announcement == Some(AnnouncementState::Announced)
    }

    fn awarded(event: &Event) -> Option<Self> {
        let Event::Awarded { viewer, display_name, character_name, gold, enrollment_request_id, at } = event else {
            return None;
        };
        Some(Self {
            viewer: viewer.clone(),
            display_name: display_name.clone(),
            character_name: character_name.clone(),
            gold: *gold,
            enrollment_request_id: enrollment_request_id.clone(),
            created_at: *at,
            accepted_at: None,
            status: PayoutStatus::Pending,
            announcement: None,
        })
    }
}

impl Aggregate for Payout {
    const KIND: &'static str = "payout";
    type Event = Event;

    fn apply(payout: Option<Self>, event: &Event) -> Option<Self> {
        let Some(mut payout) = payout else {
            return Self::awarded(event);
        };
        match event {
            Event::Awarded { .. } => {}
            Event::AcceptanceConfirmed { at } => payout.accepted_at = payout.accepted_at.or(Some(*at)),
            Event::Started { .. } => payout.status = PayoutStatus::InProgress,
            Event::Returned { .. } => payout.status = PayoutStatus::Pending,
            Event::Sent { .. } => {
                payout.status = PayoutStatus::Sent;
                payout.announcement = Some(AnnouncementState::Pending);
            }
            Event::Failed { .. } => payout.status = PayoutStatus::Failed,
            Event::Cancelled { .. } => payout.status = PayoutStatus::Cancelled,
            Event::Expired { .. } => payout.status = PayoutStatus::Expired,
            Event::Announcement { outcome, .. } => payout.announcement = Some(announcement::state_after(outcome)),
        }
        Some(payout)
    }

    fn may_be_next(payout: Option<&Self>, event: &Event) -> bool {
        super::decide::may_be_next(payout, event)
    }
}
