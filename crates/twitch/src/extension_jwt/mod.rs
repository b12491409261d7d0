//! The tokens of a Twitch Extension (<https://dev.twitch.tv/docs/extensions/reference/#jwt-schema>): JSON Web Tokens signed
//! with HS256 and the extension's secret. No other algorithm is linked, let alone accepted.
//!
//! - `exp` is required and has no leeway: a token is expired from that second on. (Twitch's tokens live for an hour and the
//!   panel gets fresh ones in time; leeway would only prolong the life of a stolen one.)
//! - `nbf`, where present, may lie up to [`NOT_BEFORE_LEEWAY`] ahead, since it is set to the issuer's present.
//! - `aud`, where present, must be (or contain) the client id, when one is configured. Twitch's own tokens carry none.

mod hs256;
mod keys;
mod token;

pub use keys::{DEVELOPMENT_SECRET_PHRASE, ExtensionKeys, KeyError};
pub use token::{ExtensionToken, NOT_BEFORE_LEEWAY, TokenError};
