//! The rules of the game: pure and synchronous, without clock, random source or I/O.
//!
//! Time and random numbers come in with the command. A command is decided against a state into events or a [`Rejection`];
//! events are applied to a state. Other crates store and send the results.

pub mod announcement;
pub mod backoff;
pub mod character_name;
pub mod chat;
pub mod gift;
pub mod gold;
pub mod ids;
mod invisible;
pub mod payout;
pub mod pool;
pub mod rejection;
pub mod roulette;
pub mod stream;

pub use backoff::Backoff;
pub use character_name::CharacterName;
pub use gift::{Gift, GiftStatus};
pub use gold::Gold;
pub use ids::{BroadcasterId, CycleId, EnrollmentRequestId, GiftId, MessageId, PayoutId, ViewerId};
pub use payout::{Payout, PayoutStatus};
pub use rejection::Rejection;
