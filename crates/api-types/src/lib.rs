//! The wire types of the HTTP interface, shared by server, stand-ins and orchestrator.
//!
//! JSON in camelCase; times are RFC 3339 UTC with milliseconds and `Z`; enum values are spelled as in the rules and ignore
//! case on input; unknown fields are ignored.

mod announcement;
mod e2e;
mod error;
mod gift;
pub mod json;
pub mod mocks;
mod payout;
mod pool;
mod roulette;
pub mod timestamp;
mod version;

/// Declares an enum of names: as declared on output, any case on input.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $wire:tt),+ $(,)? }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
        $(#[$doc])*
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $wire)] $variant),+ }

        impl $name {
            /// The condition for a text to name one of the values.
            pub const NAMES: crate::UnknownName = crate::UnknownName(&[$($wire),+]);
        }

        impl std::str::FromStr for $name {
            type Err = crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $(if text.eq_ignore_ascii_case($wire) { return Ok(Self::$variant); })+
                Err(Self::NAMES)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use names;

pub use announcement::{Announcement, AnnouncementState, ResolveAnnouncement};
pub use e2e::{PreparePendingPayout, PreparedPayout};
pub use error::{ErrorBody, ErrorCode};
pub use gift::{
    ChangeGiftState, ConfirmGift, Gift, GiftItem, GiftOfAnother, GiftState, QueuedGift, RequestGift, SelectGiftItem,
};
pub use payout::{ChangePayoutStatus, Claim, ConfirmAcceptance, Payout, PayoutStatus};
pub use pool::PoolMembership;
pub use roulette::{RouletteCandidate, RouletteState, SpinPhase, Verified, VerifyCandidate};
pub use version::Version;

/// The header that carries the desktop program's key.
pub const API_KEY_HEADER: &str = "x-mgm-apikey";

/// A text that is not a value of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownName(
    /// The possible values, as they are written.
    pub &'static [&'static str],
);

impl std::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "must be one of {}", self.0.join(", "))
    }
}

impl std::error::Error for UnknownName {}
