//! Gifts: an item of the streamer's for a viewer who asks, one after the other.
//!
//! Each request is a stream of events. [`decide`] turns a command into events, [`Gift`] is their fold. Who is served next
//! is decided over the whole [`queue`].

mod decide;
mod event;
mod failure;
mod item;
pub mod queue;
mod state;
pub mod verification;

pub use decide::{Command, Request, Standing, TimeLimits, decide};
pub use event::Event;
pub use failure::FailureReason;
pub use item::{InvalidItem, Item, SelectedItem};
pub use state::{Gift, GiftStatus, State, UnknownStatus};

#[cfg(test)]
mod tests;
