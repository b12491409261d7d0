//! What may happen to a payout.

use time::OffsetDateTime;

use super::{Payout, PayoutEvent, PayoutStatus};
use crate::{
    CharacterName, EnrollmentRequestId, Gold, Rejection, ViewerId, announcement::Outcome, pool::Standing,
    stream::Aggregate as _,
};

/// The creation of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Award {
    /// The winner.
    pub viewer: ViewerId,
    /// The winner's display name at the draw.
    pub display_name: String,
    /// The character's name at the draw.
    pub character_name: CharacterName,
    /// The caller's id: `spin:<cycle>`.
    pub enrollment_request_id: EnrollmentRequestId,
    /// What the winner already has.
    pub standing: Standing,
    /// When the command is decided, by the backend's clock.
    pub at: OffsetDateTime,
}

/// A command to a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutCommand {
    /// Create it.
    Award(Award),
    /// The winner accepted, with this name.
    ConfirmAcceptance {
        /// The name that was confirmed.
        character_name: CharacterName,
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
    /// The desktop program asks for a status.
    ChangeStatus {
        /// The requested status.
        to: PayoutStatus,
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
    /// The sweep found it too old.
    Expire {
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
    /// An attempt to announce it ended in a way that is recorded as an event.
    RecordAnnouncement {
        /// The outcome to record.
        outcome: Outcome,
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
}

/// Decides a command against the payout as it is; `None` is one that was never awarded.
pub fn decide(payout: Option<&Payout>, command: PayoutCommand) -> Result<Vec<PayoutEvent>, Rejection> {
    match command {
        PayoutCommand::Award(award) => decide_award(payout, award),
        PayoutCommand::ConfirmAcceptance { character_name, at } => {
            let payout = payout.ok_or(Rejection::NotFound)?;
            if !payout.character_name.is_same_name(&character_name) {
                return Err(Rejection::InvalidCharacterName);
            }
            Ok(if_next(payout, PayoutEvent::AcceptanceConfirmed { at }).unwrap_or_default())
        }
        PayoutCommand::ChangeStatus { to, at } => {
            let payout = payout.ok_or(Rejection::NotFound)?;
            let event = asked_for(to, at).ok_or(Rejection::TerminalStatusChangeNotAllowed)?;
            if_next(payout, event).ok_or(Rejection::TerminalStatusChangeNotAllowed)
        }
        PayoutCommand::Expire { at } => {
            let payout = payout.ok_or(Rejection::NotFound)?;
            Ok(if_next(payout, PayoutEvent::Expired { at }).unwrap_or_default())
        }
        PayoutCommand::RecordAnnouncement { outcome, at } => {
            let payout = payout.ok_or(Rejection::NotFound)?;
            if_next(payout, PayoutEvent::Announcement { outcome, at }).ok_or(Rejection::InvalidState)
        }
    }
}

/// The event, if it may follow.
fn if_next(payout: &Payout, event: PayoutEvent) -> Option<Vec<PayoutEvent>> {
    Payout::may_be_next(Some(payout), &event).then(|| vec![event])
}

fn decide_award(payout: Option<&Payout>, award: Award) -> Result<Vec<PayoutEvent>, Rejection> {
    if payout.is_some() {
        return Err(Rejection::InvalidState);
    }
    award.standing.admits_payout()?;
    let Award { viewer, display_name, character_name, enrollment_request_id, standing: _, at } = award;
    let gold = Gold::PAYOUT;
    Ok(vec![PayoutEvent::Awarded { viewer, display_name, character_name, gold, enrollment_request_id, at }])
}

/// The event that moves a payout to the status that the desktop program asks for. Only the sweep makes one expire.
const fn asked_for(to: PayoutStatus, at: OffsetDateTime) -> Option<PayoutEvent> {
    match to {
        PayoutStatus::Pending => Some(PayoutEvent::Returned { at }),
        PayoutStatus::InProgress => Some(PayoutEvent::Started { at }),
        PayoutStatus::Sent => Some(PayoutEvent::Sent { at }),
        PayoutStatus::Failed => Some(PayoutEvent::Failed { at }),
        PayoutStatus::Cancelled => Some(PayoutEvent::Cancelled { at }),
        PayoutStatus::Expired => None,
    }
}
