//! Twitch's names with TLS, for clients whose addresses are built in: a front that ends TLS and passes all bytes on to
//! MockHelixApi, and a proxy that leads clients there.

mod authority;
mod front;
mod proxy;

pub use authority::{Authority, AuthorityError};
pub use front::Front;
pub use proxy::Proxy;

/// The names that clients of Twitch have built in.
pub const NAMES: [&str; 3] = ["api.twitch.tv", "id.twitch.tv", "eventsub.wss.twitch.tv"];
