//! Calls to Twitch: with the broadcaster's token, which is renewed when Twitch no longer accepts it, and about the chat
//! subscription.

mod clients;
mod error;
pub mod lease;
mod needs;
mod renewal;
mod session;
mod subscription;

pub use clients::TwitchClients;
pub use error::{AskError, SendError, TokenTrouble};
pub use needs::Findings;
pub use session::HelixSession;
pub use subscription::SubscriptionKeeper;
