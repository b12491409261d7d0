//! The keys that sign tokens.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::hs256;

/// In Development, if no secret is configured, the key is the SHA-256 of this text, in backend and stand-in alike.
pub const DEVELOPMENT_SECRET_PHRASE: &str = "mgm-dev-extension-secret-change-me";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys whose tokens are accepted; the first one signs. Several are accepted during a rotation.
#[derive(Clone)]
pub struct ExtensionKeys {
    pub(super) signing: EncodingKey,
    pub(super) accepted: Vec<DecodingKey>,
}

/// Why the configured secrets are invalid. Never contains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// One of them is not base64 of the standard alphabet.
    #[error("Extension secret number {0} is not base64 (standard alphabet, with or without padding)")]
    NotBase64(
        /// Its position, counted from 1.
        usize,
    ),
    /// There are no secrets.
    #[error("no Extension secret is given")]
    Empty,
}

impl ExtensionKeys {
    /// Parses base64 secrets separated by commas; empty entries are ignored.
    pub fn parse(secrets: &str) -> Result<Self, KeyError> {
        let keys = secrets
            .split(',')
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .enumerate()
            .map(|(index, secret)| BASE64.decode(secret).map_err(|_| KeyError::NotBase64(index + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        let first = keys.first().ok_or(KeyError::Empty)?;
        Ok(Self::new(first, &keys))
    }

    /// The key derived from [`DEVELOPMENT_SECRET_PHRASE`].
    #[must_use]
    pub fn development() -> Self {
        let key = Sha256::digest(DEVELOPMENT_SECRET_PHRASE).to_vec();
        Self::new(&key, std::slice::from_ref(&key))
    }

    /// The secrets in base64, the one that signs first: for stand-ins, which also sign as nobody should.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretString> {
        let keys = self.accepted.iter().filter_map(|key| key.try_get_as_bytes().ok());
        keys.map(|key| BASE64.encode(key).into()).collect()
    }

    fn new(signing: &[u8], accepted: &[Vec<u8>]) -> Self {
        hs256::install();
        Self {
            signing: EncodingKey::from_secret(signing),
            accepted: accepted.iter().map(|key| DecodingKey::from_secret(key)).collect(),
        }
    }
}

impl fmt::Debug for ExtensionKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ExtensionKeys({} redacted)", self.accepted.len())
    }
}
