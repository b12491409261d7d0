//! What may happen to a gift request.

use std::time::Duration;

use time::OffsetDateTime;

use super::{FailureReason, Gift, GiftEvent, GiftState, GiftStatus, SelectedItem, verification};
use crate::{CharacterName, Rejection, ViewerId};

/// How long each step of the request being served may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// Time to select the item.
    pub select: Duration,
    /// Time to confirm it.
    pub confirm: Duration,
}

/// What the viewer already has, which decides whether they can ask.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct GiftStanding {
    /// Whether one of their requests is open; an unverified one counts.
    pub has_open_request: bool,
    /// Whether one of their requests was ever `Completed`.
    pub has_completed: bool,
}

impl GiftStanding {
    fn admits_request(self) -> Result<(), Rejection> {
        if self.has_completed {
            Err(Rejection::GiftAlreadyUsed)
        } else if self.has_open_request {
            Err(Rejection::GiftRequestActive)
        } else {
            Ok(())
        }
    }
}

/// A viewer asks for a gift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The viewer who asks.
    pub viewer: ViewerId,
    /// The viewer's display name.
    pub display_name: String,
    /// The character that gets the gift.
    pub character_name: CharacterName,
    /// Whether the viewer is known to subscribe to the channel.
    pub is_verified: bool,
    /// When it was received, by the backend's clock.
    pub at: OffsetDateTime,
}

/// A command to a gift request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GiftCommand {
    /// Create it.
    Request {
        /// The request.
        request: Request,
        /// What the viewer already has.
        standing: GiftStanding,
    },
    /// Twitch has answered whether the viewer subscribes to the channel.
    Verify {
        /// Whether the viewer subscribes to the channel.
        is_subscriber: bool,
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
    /// It is the request's turn.
    Promote {
        /// How long the selection of the item may take.
        select_within: Duration,
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
    /// The desktop program has selected the item.
    SelectItem {
        /// The selected item.
        item: SelectedItem,
        /// How long the confirmation may take.
        confirm_within: Duration,
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
    /// The receiver has answered.
    Confirm {
        /// Whether they received it; otherwise they declined.
        confirmed: bool,
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
    /// The desktop program gives up.
    Fail {
        /// The desktop program's reason.
        reason: FailureReason,
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
    /// The sweep found that its time is up.
    TimeOut {
        /// When the command is decided, by the backend's clock.
        at: OffsetDateTime,
    },
}

/// Decides a command against the gift request as it is; `None` is one that was never made. For the desktop program, an
/// unverified one does not exist yet.
pub fn decide(gift: Option<&Gift>, command: GiftCommand) -> Result<Vec<GiftEvent>, Rejection> {
    let state = gift.map(|gift| &gift.state);
    match command {
        GiftCommand::Request { request, standing } => decide_request(gift, request, standing),
        GiftCommand::Verify { is_subscriber, at } => match state.ok_or(Rejection::NotFound)? {
            GiftState::Unverified { timeout_at } if *timeout_at <= at => {
                Ok(vec![GiftEvent::Failed { reason: FailureReason::VerificationTimeout, at }])
            }
            GiftState::Unverified { .. } if is_subscriber => Ok(vec![GiftEvent::Verified { at }]),
            GiftState::Unverified { .. } => Ok(vec![GiftEvent::Failed { reason: FailureReason::NotSubscriber, at }]),
            GiftState::Pending
            | GiftState::SelectingItem { .. }
            | GiftState::WaitingConfirmation { .. }
            | GiftState::Completed { .. }
            | GiftState::Failed { .. } => Err(Rejection::InvalidState),
        },
        GiftCommand::Promote { select_within, at } => match in_queue(state)? {
            GiftState::Pending => Ok(vec![GiftEvent::Promoted { timeout_at: at + select_within, at }]),
            GiftState::Unverified { .. }
            | GiftState::SelectingItem { .. }
            | GiftState::WaitingConfirmation { .. }
            | GiftState::Completed { .. }
            | GiftState::Failed { .. } => Err(Rejection::InvalidState),
        },
        GiftCommand::SelectItem { item, confirm_within, at } => match in_time(in_queue(state)?, at)? {
            GiftState::SelectingItem { .. } => {
                Ok(vec![GiftEvent::ItemSelected { item, timeout_at: at + confirm_within, at }])
            }
            GiftState::Unverified { .. }
            | GiftState::Pending
            | GiftState::WaitingConfirmation { .. }
            | GiftState::Completed { .. }
            | GiftState::Failed { .. } => Err(Rejection::InvalidState),
        },
        GiftCommand::Confirm { confirmed, at } => match in_time(in_queue(state)?, at)? {
            GiftState::WaitingConfirmation { .. } if confirmed => Ok(vec![GiftEvent::Completed { at }]),
            GiftState::WaitingConfirmation { .. } => {
                Ok(vec![GiftEvent::Failed { reason: FailureReason::ReceiverDeclined, at }])
            }
            GiftState::Unverified { .. }
            | GiftState::Pending
            | GiftState::SelectingItem { .. }
            | GiftState::Completed { .. }
            | GiftState::Failed { .. } => Err(Rejection::InvalidState),
        },
        GiftCommand::Fail { reason, at } => match in_time(in_queue(state)?, at)? {
            GiftState::Pending | GiftState::SelectingItem { .. } | GiftState::WaitingConfirmation { .. } => {
                Ok(vec![GiftEvent::Failed { reason, at }])
            }
            GiftState::Unverified { .. } | GiftState::Completed { .. } | GiftState::Failed { .. } => {
                Err(Rejection::InvalidState)
            }
        },
        GiftCommand::TimeOut { at } => Ok(time_out(state.ok_or(Rejection::NotFound)?, at).into_iter().collect()),
    }
}

fn decide_request(gift: Option<&Gift>, request: Request, standing: GiftStanding) -> Result<Vec<GiftEvent>, Rejection> {
    if gift.is_some() {
        return Err(Rejection::InvalidState);
    }
    standing.admits_request()?;
    let Request { viewer, display_name, character_name, is_verified, at } = request;
    let verify_until = (!is_verified).then(|| at + verification::WITHIN);
    Ok(vec![GiftEvent::Requested { viewer, display_name, character_name, verify_until, at }])
}

/// The state of a request that is, or was, in the queue.
fn in_queue(state: Option<&GiftState>) -> Result<&GiftState, Rejection> {
    state.filter(|state| state.status() != GiftStatus::Unverified).ok_or(Rejection::NotFound)
}

/// A state whose time is up allows nothing more, even before the sweep has recorded it.
fn in_time(state: &GiftState, at: OffsetDateTime) -> Result<&GiftState, Rejection> {
    if has_passed(state, at) { Err(Rejection::InvalidState) } else { Ok(state) }
}

fn has_passed(state: &GiftState, at: OffsetDateTime) -> bool {
    state.timeout_at().is_some_and(|timeout_at| timeout_at <= at)
}

fn time_out(state: &GiftState, at: OffsetDateTime) -> Option<GiftEvent> {
    let reason = match state {
        GiftState::Unverified { .. } => FailureReason::VerificationTimeout,
        GiftState::SelectingItem { .. } => FailureReason::SelectionTimeout,
        GiftState::WaitingConfirmation { .. } => FailureReason::ConfirmationTimeout,
        GiftState::Pending | GiftState::Completed { .. } | GiftState::Failed { .. } => return None,
    };
    has_passed(state, at).then_some(GiftEvent::Failed { reason, at })
}
