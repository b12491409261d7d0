//! HMAC-SHA256 over message id, timestamp and raw body
//! (<https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#verifying-the-event-message>).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::header;

const SCHEME: &[u8] = b"sha256=";

/// A secret that Twitch accepts for signing notifications. Not shown in `Debug`.
#[derive(Clone)]
pub struct SigningSecret {
    text: SecretString,
    key: Hmac<Sha256>,
}

/// The secrets whose signatures are accepted; the first one signs. Several are accepted during a rotation.
#[derive(Clone)]
pub struct SigningSecrets(Vec<Hmac<Sha256>>);

/// Why a message is not from Twitch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// One of the three headers that the signature needs is missing.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// Not `sha256=` and 64 lower-case hexadecimal digits.
    #[error("the signature header is malformed")]
    Malformed,
    /// Well-formed, but made with another key or for other content.
    #[error("the signature does not match")]
    Mismatch,
}

/// Why a secret is invalid: Twitch accepts 10 to 100 ASCII characters. Never contains the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Twitch accepts only secrets of 10 to 100 ASCII characters")]
pub enum SecretError {
    /// It has this many characters.
    Length(usize),
    /// One of its characters is not ASCII.
    NotAscii,
}

impl SigningSecret {
    /// Accepts the secret unchanged.
    pub fn parse(text: SecretString) -> Result<Self, SecretError> {
        let secret = text.expose_secret();
        if !secret.is_ascii() {
            return Err(SecretError::NotAscii);
        }
        let length = SecretError::Length(secret.len());
        if !(10..=100).contains(&secret.len()) {
            return Err(length);
        }
        let key = Hmac::new_from_slice(secret.as_bytes()).map_err(|_| length)?;
        Ok(Self { text, key })
    }

    /// The secret itself, as passed to Twitch.
    #[must_use]
    pub const fn text(&self) -> &SecretString {
        &self.text
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret(redacted)")
    }
}

impl SigningSecrets {
    /// The secrets in order of precedence; empty ones count as not set.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Result<Self, SecretError> {
        let set = secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty());
        set.map(|secret| Ok(SigningSecret::parse(secret.clone())?.key)).collect::<Result<_, _>>().map(Self)
    }

    /// True if no secret is set and nothing can be verified.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks the three signature headers against the body, byte by byte as received. Takes the same time wherever a
    /// signature differs.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), VerifyError> {
        let field = |name| Ok(headers.get(name).ok_or(VerifyError::MissingHeader(name))?.as_bytes());
        let id = field(header::MESSAGE_ID)?;
        let timestamp = field(header::MESSAGE_TIMESTAMP)?;
        let signature = parse_signature(field(header::MESSAGE_SIGNATURE)?).ok_or(VerifyError::Malformed)?;

        let accepted = |key: &Hmac<Sha256>| mac(key, id, timestamp, body).verify_slice(&signature).is_ok();
        if self.0.iter().any(accepted) { Ok(()) } else { Err(VerifyError::Mismatch) }
    }

    /// A code that identifies the first secret without revealing it; `None` if there is no secret. Another `salt` gives
    /// another code.
    #[must_use]
    pub fn fingerprint(&self, salt: &[u8]) -> Option<String> {
        let code = mac(self.0.first()?, b"fingerprint of this secret, no signature", b"\0", salt);
        Some(hex::encode(code.finalize().into_bytes()))
    }

    /// The signature header's value, signed with the first secret; `None` if there is no secret.
    #[must_use]
    pub fn sign(&self, message_id: &[u8], timestamp: &[u8], body: &[u8]) -> Option<String> {
        let code = mac(self.0.first()?, message_id, timestamp, body).finalize().into_bytes();
        Some(format!("sha256={}", hex::encode(code)))
    }
}

/// Collects secrets in order of precedence.
impl<'a> FromIterator<&'a SigningSecret> for SigningSecrets {
    fn from_iter<I: IntoIterator<Item = &'a SigningSecret>>(secrets: I) -> Self {
        Self(secrets.into_iter().map(|secret| secret.key.clone()).collect())
    }
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningSecrets({} redacted)", self.0.len())
    }
}

fn mac(key: &Hmac<Sha256>, message_id: &[u8], timestamp: &[u8], body: &[u8]) -> Hmac<Sha256> {
    key.clone().chain_update(message_id).chain_update(timestamp).chain_update(body)
}

fn parse_signature(value: &[u8]) -> Option<[u8; 32]> {
    let digits = value.strip_prefix(SCHEME)?;
    if digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut code = [0; 32];
    hex::decode_to_slice(digits, &mut code).ok()?;
    Some(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(values: &[&str]) -> SigningSecrets {
        let values: Vec<SecretString> = values.iter().map(|value| SecretString::from(*value)).collect();
        SigningSecrets::new(&values).unwrap()
    }

    fn signed(secrets: &SigningSecrets, id: &[u8], timestamp: &[u8], body: &[u8]) -> HeaderMap {
        let signature = secrets.sign(id, timestamp, body).unwrap();
        [
            (header::MESSAGE_ID, id),
            (header::MESSAGE_TIMESTAMP, timestamp),
            (header::MESSAGE_SIGNATURE, signature.as_bytes()),
        ]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), http::HeaderValue::from_bytes(value).unwrap()))
        .collect()
    }

    /// Computed with Python's `hmac` and with `openssl dgst -sha256 -hmac`.
    #[test]
    fn the_signature_is_the_one_that_other_programs_compute() {
        let signature = secrets(&["e2e-ci-eventsub-secret"]).sign(
            b"f1c2a387-161a-49f9-a165-0f21d7a4e1c4",
            b"2019-11-16T10:11:12.634234626Z",
            "{\"text\":\"Награда\"}".as_bytes(),
        );
        assert_eq!(signature.unwrap(), "sha256=33d1f3b471e84f5f9bfdef4e6a4c75c1d2827c9dddedda18ab490f8898725c0d");
    }

    #[test]
    fn a_fingerprint_tells_secrets_apart_and_shows_none() {
        let of = |values: &[&str], salt: &str| secrets(values).fingerprint(salt.as_bytes());
        let first = of(&["0123456789", "previous-one"], "salt");
        assert_eq!(first, of(&["0123456789"], "salt"));
        assert_ne!(first, of(&["012345678x"], "salt"));
        assert_ne!(first, of(&["0123456789"], "other"));
        assert!(!first.unwrap().contains("0123456789"));
        assert_eq!(of(&[], "salt"), None);
    }

    #[test]
    fn each_missing_header_is_named() {
        let secrets = secrets(&["0123456789"]);
        for name in [header::MESSAGE_ID, header::MESSAGE_TIMESTAMP, header::MESSAGE_SIGNATURE] {
            let mut headers = signed(&secrets, b"id", b"1", b"{}");
            headers.remove(name);
            assert_eq!(secrets.verify(&headers, b"{}"), Err(VerifyError::MissingHeader(name)));
        }
    }

    #[test]
    fn only_the_documented_form_of_a_signature_is_read() {
        let secrets = secrets(&["0123456789"]);
        let good = secrets.sign(b"id", b"1", b"{}").unwrap();
        let (_, digits) = good.split_once('=').unwrap();
        let odd = [
            String::new(),
            "sha256=".to_owned(),
            "sha256=unused".to_owned(),
            digits.to_owned(),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256={}", digits.to_uppercase()),
            format!("sha256={}", &digits[2..]),
            format!("sha256={digits}00"),
            format!("{good} "),
        ];
        for value in odd {
            let mut headers = signed(&secrets, b"id", b"1", b"{}");
            headers.insert(header::MESSAGE_SIGNATURE, value.parse().unwrap());
            assert_eq!(secrets.verify(&headers, b"{}"), Err(VerifyError::Malformed), "{value:?}");
        }
    }

    #[test]
    fn during_a_rotation_both_secrets_are_accepted_and_the_first_signs() {
        let (old, new) = (secrets(&["old-secret-0"]), secrets(&["new-secret-0"]));
        let both = secrets(&["new-secret-0", "", "old-secret-0"]);
        assert_eq!(both.verify(&signed(&old, b"id", b"1", b"x"), b"x"), Ok(()));
        assert_eq!(both.verify(&signed(&new, b"id", b"1", b"x"), b"x"), Ok(()));
        assert_eq!(both.sign(b"id", b"1", b"x"), new.sign(b"id", b"1", b"x"));
        assert_eq!(new.verify(&signed(&old, b"id", b"1", b"x"), b"x"), Err(VerifyError::Mismatch));
    }

    #[test]
    fn a_secret_that_twitch_would_refuse_is_refused_without_showing_it() {
        let refusal = |value: &str| SigningSecrets::new(&[SecretString::from(value)]).unwrap_err();
        assert_eq!(refusal("123456789"), SecretError::Length(9));
        assert_eq!(refusal(&"x".repeat(101)), SecretError::Length(101));
        assert_eq!(refusal("пароль-пароль"), SecretError::NotAscii);
        assert!(!refusal("short-one").to_string().contains("short-one"));
        assert_eq!(format!("{:?}", secrets(&["do-not-print-me"])), "SigningSecrets(1 redacted)");
        let secret = SigningSecret::parse("do-not-print-me".into()).unwrap();
        assert_eq!(format!("{secret:?}"), "SigningSecret(redacted)");
    }

    #[test]
    fn no_secret_verifies_nothing() {
        let none = secrets(&["", ""]);
        assert!(none.is_empty());
        assert_eq!(none.sign(b"id", b"1", b"x"), None);
        let headers = signed(&secrets(&["0123456789"]), b"id", b"1", b"x");
        assert_eq!(none.verify(&headers, b"x"), Err(VerifyError::Mismatch));
    }

    /// Characters that are allowed in a header value.
    fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![0x21_u8..=0x7e, 0x80_u8..=0xff], 1..60)
    }

    proptest! {
        #[test]
        fn what_was_signed_is_accepted(id in header_bytes(), timestamp in header_bytes(), body: Vec<u8>) {
            let secrets = secrets(&["0123456789"]);
            prop_assert_eq!(secrets.verify(&signed(&secrets, &id, &timestamp, &body), &body), Ok(()));
        }

        #[test]
        fn any_flipped_bit_of_the_body_is_noticed(
            mut body in prop::collection::vec(any::<u8>(), 1..200),
            at: prop::sample::Index,
            bit in 0..8_u32,
        ) {
            let secrets = secrets(&["0123456789"]);
            let headers = signed(&secrets, b"id", b"1", &body);
            *at.get_mut(&mut body) ^= 1 << bit;
            prop_assert_eq!(secrets.verify(&headers, &body), Err(VerifyError::Mismatch));
        }

        #[test]
        fn any_other_id_timestamp_or_signature_is_refused(
            which in prop::sample::select(vec![
                header::MESSAGE_ID, header::MESSAGE_TIMESTAMP, header::MESSAGE_SIGNATURE,
            ]),
            value in header_bytes(),
        ) {
            let secrets = secrets(&["0123456789"]);
            let mut headers = signed(&secrets, b"an-id", b"1700000000", b"{}");
            let value = http::HeaderValue::from_bytes(&value).unwrap();
            prop_assume!(headers[which] != value);
            headers.insert(which, value);
            let verdict = secrets.verify(&headers, b"{}");
            prop_assert!(verdict.is_err());
        }
    }
}
