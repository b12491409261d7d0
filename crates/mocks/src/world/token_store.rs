//! Tokens, and what they stand for.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::bounded::Bounded;
use super::records::ANY_CLIENT;

/// The lifetime of an app token, in seconds.
pub(crate) const APP_SECONDS: u32 = 5_011_271;
/// The lifetime of a user token, in seconds.
pub(crate) const USER_SECONDS: u32 = 14_124;
/// How long a device may wait for approval, in seconds.
pub(crate) const DEVICE_SECONDS: u32 = 1800;

/// A valid access token.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The client that it was issued to; [`ANY_CLIENT`] means any.
    pub(crate) client_id: String,
    /// Its holder.
    pub(crate) holder: Holder,
    /// When it expires, by the world's clock; `None`: it does not expire by itself.
    pub(super) expires_at: Option<OffsetDateTime>,
}

/// The holder of an access token.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    /// The client itself: an app token.
    App,
    /// A user: a user token.
    User {
        /// The user's id.
        id: String,
        /// The token's scopes.
        scopes: Vec<String>,
    },
}

/// What a refresh token renews.
#[derive(Clone, Debug)]
pub(crate) struct Refresh {
    pub(super) client_id: String,
    pub(super) user_id: String,
    pub(super) scopes: Vec<String>,
    /// Whether it was issued without the client's secret, and so is used without it.
    pub(crate) is_public: bool,
}

/// A request for consent, in the authorization code flow or by a device.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The client that asks.
    pub(crate) client_id: String,
    /// The requested scopes.
    pub(crate) scopes: Vec<String>,
    /// Where to redirect the user.
    pub(crate) redirect_uri: Option<String>,
}

/// A request that was approved.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) request: Request,
    pub(super) user_id: String,
    pub(super) expires_at: OffsetDateTime,
}

/// A device that waits for its user.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) request: Request,
    pub(super) user_code: String,
    pub(super) expires_at: OffsetDateTime,
    pub(super) approved_by: Option<String>,
}

/// All known tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// The tokens of the grants, by their text.
    pub(super) granted_access: HashMap<String, Access>,
    pub(super) granted_refresh: HashMap<String, Refresh>,
    /// The tokens that were issued here.
    pub(super) access: Bounded<Access>,
    pub(super) refresh: Bounded<Refresh>,
    /// Tokens that are invalid for good: revoked ones, and used refresh tokens.
    pub(super) void: Bounded<()>,
    pub(super) codes: Bounded<Code>,
    pub(super) devices: Bounded<Device>,
    /// Whether all tokens were expired.
    pub(super) have_expired: bool,
}

/// A user's tokens.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) scopes: Vec<String>,
}

/// The codes that a device shows.
#[derive(Debug)]
pub(crate) struct DeviceCodes {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
}

/// Why a device gets no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotYet {
    /// Its user has not approved it.
    Pending,
    /// The device does not exist, or no longer.
    Invalid,
}

/// Whether a client may use what was issued to `issued_to`.
pub(super) fn is_of(issued_to: &str, client: &str) -> bool {
    issued_to == ANY_CLIENT || issued_to == client
}

impl Access {
    /// How many seconds it remains valid.
    pub(crate) fn seconds_left(&self, now: OffsetDateTime) -> i64 {
        self.expires_at.map_or_else(
            || match self.holder {
                Holder::App => APP_SECONDS.into(),
                Holder::User { .. } => USER_SECONDS.into(),
            },
            |end| (end - now).whole_seconds(),
        )
    }

    /// Whether it was issued to this client.
    pub(crate) fn is_of(&self, client: &str) -> bool {
        is_of(&self.client_id, client)
    }
}
