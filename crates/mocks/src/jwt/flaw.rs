//! Tokens that no receiver should accept.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mgm_system::RandomSource;
use mgm_twitch::extension_jwt::{ExtensionKeys, ExtensionTokenError};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

use super::claims::Claims;
use crate::error::Refusal;
use crate::world::Secret;

/// By how much a time is wrong, in seconds: an hour, which no leeway allows.
const AN_HOUR: i64 = 3600;

macro_rules! flaws {
    ($( $(#[doc = $doc:literal])+ $Flaw:ident = $name:literal; )+) => {
        /// What is wrong with a token.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(super) enum Flaw {
            $( $(#[doc = $doc])+ $Flaw, )+
        }

        impl Flaw {
            /// All flaws, with their names.
            const ALL: &[(&str, Self)] = &[$( ($name, Self::$Flaw), )+];
        }
    };
}

flaws! {
    /// It expired an hour ago.
    Expired = "expired";
    /// It does not expire.
    NoExpiry = "no_expiry";
    /// It is valid in an hour (`nbf`).
    NotYetValid = "not_yet_valid";
    /// It is for another client (`aud`).
    WrongAudience = "wrong_audience";
    /// It is signed with a key that nobody knows.
    WrongKey = "wrong_key";
    /// It is signed with the text of the secret, not decoded from base64.
    KeyNotDecoded = "key_not_decoded";
    /// It is not signed: its algorithm is `none`.
    NoAlgorithm = "alg_none";
    /// Its claims were changed after it was signed.
    Changed = "changed";
}

impl Flaw {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, flaw)| *flaw).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            Refusal::invalid(format!("flaw is one of {}", names.join(", ")))
        })
    }
}

/// Signs the claims, with this flaw.
pub(super) fn sign(
    mut claims: Claims,
    flaw: Option<Flaw>,
    secret: &Secret,
    now: OffsetDateTime,
    random: &RandomSource,
) -> Result<String, ExtensionTokenError> {
    let now = now.unix_timestamp();
    let mut secret = secret.text().to_owned();
    match flaw {
        None => {}
        Some(Flaw::Expired) => claims.exp = Some(now - AN_HOUR),
        Some(Flaw::NoExpiry) => claims.exp = None,
        Some(Flaw::NotYetValid) => {
            claims.nbf = Some(now + AN_HOUR);
            claims.exp = Some(now + 2 * AN_HOUR);
        }
        Some(Flaw::WrongAudience) => claims.aud = Some("another-client".to_owned()),
        // Any text of this alphabet is base64 if its length is a multiple of four.
        Some(Flaw::WrongKey) => secret = random.letters(44),
        Some(Flaw::KeyNotDecoded) => secret = STANDARD.encode(secret),
        Some(Flaw::NoAlgorithm) => {
            return Ok(format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT"}))?, part(&claims)?));
        }
        Some(Flaw::Changed) => {
            let signed = with(&secret, &claims)?;
            let signature = signed.rsplit('.').next().unwrap_or_default();
            let header = signed.split('.').next().unwrap_or_default();
            claims.user_id = Some("somebody-else".to_owned());
            return Ok(format!("{header}.{}.{signature}", part(&claims)?));
        }
    }
    with(&secret, &claims)
}

fn with(secret: &str, claims: &Claims) -> Result<String, ExtensionTokenError> {
    ExtensionKeys::parse(secret).map_err(|_| ExtensionTokenError::Unsignable)?.sign(claims)
}

fn part(content: &impl Serialize) -> Result<String, ExtensionTokenError> {
    let text = serde_json::to_vec(content).map_err(|_| ExtensionTokenError::Unsignable)?;
    Ok(URL_SAFE_NO_PAD.encode(text))
}
