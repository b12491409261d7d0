//! Payouts: what a winner is owed, from the award to the mail in the game and its announcement.
//!
//! Each payout is a stream of events. [`decide`] turns a command into events, [`Payout`] is their fold. Only the fold defines
//! what may follow what; [`decide`] uses it.

mod decide;
mod event;
mod state;

pub use decide::{Award, PayoutCommand, decide};
pub use event::PayoutEvent;
pub use state::{Payout, PayoutState, PayoutStatus, UnknownPayoutStatus};

#[cfg(test)]
mod tests;
