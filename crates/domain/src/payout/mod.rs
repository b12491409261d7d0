//! Payouts: what a winner is owed, from the award to the mail in the game and its announcement.
//!
//! Each payout is a stream of events. [`decide`] turns a command into events, [`Payout::apply`] folds them.

mod decide;
mod event;
mod state;

pub use decide::{Award, Command, decide, may_be_next};
pub use event::{DecodeError, Event};
pub use state::{Payout, PayoutStatus, UnknownStatus};
