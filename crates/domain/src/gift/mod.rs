//! Gifts: items of the streamer's for viewers who ask, one request at a time.
//!
//! Each request is a stream of events. [`decide`] turns a command into events, [`Gift`] is their fold. The whole [`queue`]
//! decides who is served next.

mod decide;
mod event;
mod failure;
mod item;
pub mod queue;
mod state;
pub mod verification;

pub use decide::{GiftCommand, GiftStanding, Request, TimeLimits, decide};
pub use event::GiftEvent;
pub use failure::FailureReason;
pub use item::{InvalidItem, Item, SelectedItem};
pub use state::{Gift, GiftState, GiftStatus, UnknownGiftStatus};

#[cfg(test)]
mod tests;
