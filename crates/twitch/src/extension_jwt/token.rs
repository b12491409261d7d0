//! Signs and verifies tokens.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::ExtensionKeys;
use crate::tolerant;

/// How far ahead of the current time `nbf` may be.
pub const NOT_BEFORE_LEEWAY: Duration = Duration::MINUTE;

/// The content of a valid token. Values that are empty or of an undocumented type count as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionToken {
    /// The viewer: `user_id`, or else `sub`; `None` while the viewer has not shared their identity.
    pub viewer_id: Option<String>,
    /// The viewer's name: `name`, or else `display_name`.
    pub display_name: Option<String>,
    /// The channel on whose page the extension runs.
    pub channel_id: Option<String>,
    /// `broadcaster`, `moderator`, `viewer` or `external`.
    pub role: Option<String>,
    /// True if the viewer has not shared their identity.
    pub is_unlinked: Option<bool>,
    /// An id for the viewer that Twitch generates for this extension; `A…` for viewers who are not logged in.
    pub opaque_user_id: Option<String>,
}

/// Why a token is refused (or, in [`ExtensionTokenError::Unsignable`], cannot be made).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionTokenError {
    /// Not a JSON Web Token, or its claims are not JSON.
    #[error("not a JSON Web Token")]
    Malformed,
    /// Another algorithm than HS256, `none` included.
    #[error("the token's algorithm is not HS256")]
    Algorithm,
    /// Signed with no accepted key.
    #[error("the token's signature does not match")]
    Signature,
    /// Without `exp`, or with one that is not a number.
    #[error("the token has no expiry")]
    NoExpiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is still ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// For another client.
    #[error("the token is meant for another audience")]
    Audience,
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Unsignable,
}

/// Claims must be an object; the code that serde derives would also accept an array of them.
struct ClaimsObject(Option<Claims>);

impl<'de> Deserialize<'de> for ClaimsObject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        tolerant::object(deserializer).map(Self)
    }
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "tolerant::number")]
    exp: Option<f64>,
    #[serde(default, deserialize_with = "tolerant::number")]
    nbf: Option<f64>,
    #[serde(default, deserialize_with = "tolerant::one_or_many")]
    aud: Option<Vec<String>>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    user_id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    sub: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    channel_id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    role: Option<String>,
    #[serde(default, deserialize_with = "tolerant::flag")]
    is_unlinked: Option<bool>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    opaque_user_id: Option<String>,
}

impl ExtensionKeys {
    /// Signs any claims with the first key.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, ExtensionTokenError> {
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, claims, &self.signing).map_err(|_| ExtensionTokenError::Unsignable)
    }

    /// Verifies a token at the time `now` and reads it. `client_id` is the required `aud`, if there is one.
    pub fn verify(
        &self,
        token: &str,
        client_id: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<ExtensionToken, ExtensionTokenError> {
        let claims = self.verify_signature(token)?;

        // `exp` counts whole seconds, so fractions are dropped.
        #[expect(clippy::cast_precision_loss, reason = "seconds of a representable year are far below 2^53")]
        let now = now.unix_timestamp() as f64;
        if now >= claims.exp.ok_or(ExtensionTokenError::NoExpiry)? {
            return Err(ExtensionTokenError::Expired);
        }
        if claims.nbf.is_some_and(|not_before| now + NOT_BEFORE_LEEWAY.as_seconds_f64() < not_before) {
            return Err(ExtensionTokenError::NotYetValid);
        }
        if let (Some(client_id), Some(audience)) = (client_id, &claims.aud)
            && !audience.iter().any(|one| one == client_id)
        {
            return Err(ExtensionTokenError::Audience);
        }

        Ok(ExtensionToken {
            viewer_id: claims.user_id.or(claims.sub),
            display_name: claims.name.or(claims.display_name),
            channel_id: claims.channel_id,
            role: claims.role,
            is_unlinked: claims.is_unlinked,
            opaque_user_id: claims.opaque_user_id,
        })
    }

    fn verify_signature(&self, token: &str) -> Result<Claims, ExtensionTokenError> {
        // The caller, who has the current time, checks what depends on it.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;

        for key in &self.accepted {
            match jsonwebtoken::decode::<ClaimsObject>(token, key, &validation) {
                Ok(data) => return data.claims.0.ok_or(ExtensionTokenError::Malformed),
                Err(error) => match error.kind() {
                    ErrorKind::InvalidSignature => {}
                    ErrorKind::InvalidAlgorithm => return Err(ExtensionTokenError::Algorithm),
                    _ => return Err(ExtensionTokenError::Malformed),
                },
            }
        }
        Err(ExtensionTokenError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::super::KeyError;
    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-04-05 12:00:00 UTC);

    fn keys(secrets: &[&[u8]]) -> ExtensionKeys {
        let secrets: Vec<_> = secrets.iter().map(|secret| STANDARD.encode(secret)).collect();
        ExtensionKeys::parse(&secrets.join(",")).unwrap()
    }

    fn one_key() -> ExtensionKeys {
        keys(&[b"a secret of 32 bytes, or about so"])
    }

    fn in_an_hour() -> i64 {
        NOW.unix_timestamp() + 3600
    }

    fn read(claims: &Value) -> Result<ExtensionToken, ExtensionTokenError> {
        one_key().verify(&one_key().sign(claims).unwrap(), Some("client"), NOW)
    }

    /// A token whose header and signature the test provides.
    fn token(header: &Value, claims: &Value, signature: &str) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{signature}", part(header), part(claims))
    }

    /// The example of <https://www.rfc-editor.org/rfc/rfc7515#appendix-A.1>, whose key is given there in base64url.
    #[test]
    fn the_example_of_the_standard_verifies() {
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
            eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
            dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let keys = keys(&[&key]);
        let expiry = OffsetDateTime::from_unix_timestamp(1_300_819_380).unwrap();
        assert!(keys.verify(token, None, expiry - Duration::SECOND).is_ok());
        assert_eq!(keys.verify(token, None, expiry), Err(ExtensionTokenError::Expired));
    }

    #[test]
    fn what_twitch_documents_is_read() {
        let claims = json!({
            "exp": in_an_hour(), "opaque_user_id": "UG12X345T6J78", "channel_id": "test_channel", "role": "broadcaster",
            "is_unlinked": "false", "user_id": "1234", "pubsub_perms": {"listen": ["broadcast"], "send": ["broadcast"]},
        });
        let expected = ExtensionToken {
            viewer_id: Some("1234".to_owned()),
            display_name: None,
            channel_id: Some("test_channel".to_owned()),
            role: Some("broadcaster".to_owned()),
            is_unlinked: Some(false),
            opaque_user_id: Some("UG12X345T6J78".to_owned()),
        };
        assert_eq!(read(&claims), Ok(expected));
    }

    #[test]
    fn the_viewer_is_the_user_id_else_the_subject() {
        let viewer = |mut claims: Value| {
            claims["exp"] = in_an_hour().into();
            read(&claims).unwrap().viewer_id
        };
        assert_eq!(viewer(json!({"user_id": "1", "sub": "2"})).as_deref(), Some("1"));
        assert_eq!(viewer(json!({"user_id": "", "sub": "2"})).as_deref(), Some("2"));
        assert_eq!(viewer(json!({"user_id": null, "sub": "2"})).as_deref(), Some("2"));
        assert_eq!(viewer(json!({"opaque_user_id": "A1"})), None);
    }

    #[test]
    fn the_name_is_name_else_display_name() {
        let name = |mut claims: Value| {
            claims["exp"] = in_an_hour().into();
            read(&claims).unwrap().display_name
        };
        assert_eq!(name(json!({"name": "a", "display_name": "b"})).as_deref(), Some("a"));
        assert_eq!(name(json!({"display_name": "b"})).as_deref(), Some("b"));
        assert_eq!(name(json!({})), None);
    }

    #[test]
    fn expiry_is_required_and_exact() {
        let now = NOW.unix_timestamp();
        assert_eq!(read(&json!({"user_id": "1"})), Err(ExtensionTokenError::NoExpiry));
        assert_eq!(read(&json!({"user_id": "1", "exp": "9999999999"})), Err(ExtensionTokenError::NoExpiry));
        assert_eq!(read(&json!({"user_id": "1", "exp": null})), Err(ExtensionTokenError::NoExpiry));
        assert_eq!(read(&json!({"user_id": "1", "exp": now})), Err(ExtensionTokenError::Expired));
        assert_eq!(read(&json!({"user_id": "1", "exp": -5})), Err(ExtensionTokenError::Expired));
        assert!(read(&json!({"user_id": "1", "exp": now + 1})).is_ok());
        assert!(read(&json!({"user_id": "1", "exp": 1e300})).is_ok());
    }

    #[test]
    fn a_token_from_the_future_is_not_valid_yet() {
        let not_before = |seconds: i64| read(&json!({"exp": in_an_hour(), "nbf": NOW.unix_timestamp() + seconds}));
        assert!(not_before(60).is_ok());
        assert_eq!(not_before(61), Err(ExtensionTokenError::NotYetValid));
    }

    #[test]
    fn an_audience_that_is_present_must_be_the_client() {
        let audience = |audience: Value| read(&json!({"exp": in_an_hour(), "aud": audience}));
        for good in [json!("client"), json!(["other", "client"]), json!(null)] {
            assert!(audience(good.clone()).is_ok(), "{good}");
        }
        for bad in [json!("other"), json!("Client"), json!([]), json!(["other"]), json!(5), json!({}), json!("")] {
            assert_eq!(audience(bad.clone()), Err(ExtensionTokenError::Audience), "{bad}");
        }
        let token = one_key().sign(&json!({"exp": in_an_hour(), "aud": "anyone"})).unwrap();
        assert!(one_key().verify(&token, None, NOW).is_ok());
    }

    #[test]
    fn no_other_algorithm_is_accepted() {
        let claims = json!({"user_id": "1", "exp": in_an_hour()});
        let good = one_key().sign(&claims).unwrap();
        let signature = good.rsplit('.').next().unwrap();
        for algorithm in ["none", "None", "NONE", "hs256", ""] {
            for signature in ["", signature] {
                let token = token(&json!({"alg": algorithm}), &claims, signature);
                assert_eq!(one_key().verify(&token, None, NOW), Err(ExtensionTokenError::Malformed), "{algorithm}");
            }
        }
        for algorithm in ["HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"] {
            let token = token(&json!({"alg": algorithm, "typ": "JWT"}), &claims, signature);
            assert_eq!(one_key().verify(&token, None, NOW), Err(ExtensionTokenError::Algorithm), "{algorithm}");
        }
        assert_eq!(
            one_key().verify(&token(&json!({}), &claims, signature), None, NOW),
            Err(ExtensionTokenError::Malformed)
        );
    }

    #[test]
    fn any_configured_key_verifies_and_the_first_signs() {
        let (old, new, both) = (keys(&[b"old"]), keys(&[b"new"]), keys(&[b"new", b"old"]));
        let claims = json!({"user_id": "1", "exp": in_an_hour()});
        let by_old = old.sign(&claims).unwrap();
        assert!(both.verify(&by_old, None, NOW).is_ok());
        assert_eq!(new.verify(&by_old, None, NOW), Err(ExtensionTokenError::Signature));
        assert_eq!(both.sign(&claims), new.sign(&claims));
    }

    #[test]
    fn secrets_are_standard_base64_with_or_without_padding() {
        let key = [0xfb, 0xff, 0xfe, 1];
        let token = keys(&[&key]).sign(&json!({"exp": in_an_hour()})).unwrap();
        for secret in [STANDARD.encode(key), STANDARD_NO_PAD.encode(key), format!(" ,{} ,", STANDARD.encode(key))] {
            assert!(ExtensionKeys::parse(&secret).unwrap().verify(&token, None, NOW).is_ok(), "{secret}");
        }
        assert_eq!(ExtensionKeys::parse(&URL_SAFE_NO_PAD.encode(key)).unwrap_err(), KeyError::NotBase64(1));
        assert_eq!(ExtensionKeys::parse("AAAA,not base64!").unwrap_err(), KeyError::NotBase64(2));
        assert_eq!(ExtensionKeys::parse(" , ").unwrap_err(), KeyError::Empty);
        assert_eq!(format!("{:?}", ExtensionKeys::parse("AAAA").unwrap()), "ExtensionKeys(1 redacted)");
    }

    /// The key as the program that this replaces computes it.
    #[test]
    fn the_development_key_is_the_digest_of_its_phrase() {
        let key = hex::decode("593a47febf146ecdcc613ee46a31f341f26230ec7dfecb726834f6846b175af2").unwrap();
        let token = keys(&[&key]).sign(&json!({"exp": in_an_hour()})).unwrap();
        assert!(ExtensionKeys::development().verify(&token, None, NOW).is_ok());
    }

    #[test]
    fn deep_claims_are_skipped_or_refused_and_never_overflow_the_stack() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let read = |claims: &str| {
            let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
            let message = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
            let code = jsonwebtoken::crypto::sign(message.as_bytes(), &one_key().signing, Algorithm::HS256).unwrap();
            one_key().verify(&format!("{message}.{code}"), Some("client"), NOW)
        };
        let exp = in_an_hour();
        let token = read(&format!(r#"{{"user_id":"1","exp":{exp},"x":{deep},"name":{deep}}}"#)).unwrap();
        assert_eq!((token.viewer_id.as_deref(), token.display_name), (Some("1"), None));
        let refusal = read(&format!(r#"{{"user_id":"1","exp":{exp},"aud":{deep}}}"#));
        assert_eq!(refusal, Err(ExtensionTokenError::Malformed));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            prop_assert!(one_key().verify(&text, None, NOW).is_err());
        }

        #[test]
        fn no_parts_make_it_panic(header: Vec<u8>, claims: Vec<u8>, signature: Vec<u8>) {
            let token = [header, claims, signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
            prop_assert!(one_key().verify(&token, None, NOW).is_err());
        }

        #[test]
        fn what_was_signed_is_read_and_any_changed_character_is_refused(
            id in "[A-Za-z0-9]{1,20}",
            at: prop::sample::Index,
            replacement in "[A-Za-z0-9_-]",
        ) {
            let token = one_key().sign(&json!({"user_id": id, "exp": in_an_hour()})).unwrap();
            prop_assert_eq!(one_key().verify(&token, None, NOW).unwrap().viewer_id, Some(id));

            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &replacement);
            prop_assume!(changed != token);
            prop_assert!(one_key().verify(&changed, None, NOW).is_err());
        }
    }
}
