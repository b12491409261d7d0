//! The tokens of a Twitch Extension (<https://dev.twitch.tv/docs/extensions/reference/#jwt-schema>): JSON Web Tokens signed
//! with HS256 and the extension's secret. No other algorithm is linked, let alone accepted.
//!
//! - `exp` is required and has no leeway: a token is expired from that second on. (Twitch's tokens live for an hour and the
//!   panel gets fresh ones in time; leeway would only prolong the life of a stolen one.)
//! - `nbf`, if present, may be up to [`NOT_BEFORE_LEEWAY`] ahead, since the issuer sets it to its current time.
//! - `aud`, if present, must be (or contain) the client id, if one is configured. Twitch's own tokens have none.

mod hs256;
mod keys;
mod token;

pub use keys::{DEVELOPMENT_SECRET_PHRASE, ExtensionKeys, KeyError};
pub use token::{ExtensionToken, ExtensionTokenError, NOT_BEFORE_LEEWAY};
