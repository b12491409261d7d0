//! Deliveries that Twitch would not make, or that a receiver must not trip over: for tests of receivers.

use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::header;
use super::timestamp::MAX_AGE;

/// The size of the body of [`Hostile::Oversized`], in bytes.
pub const OVERSIZED: usize = 2 * 1024 * 1024;

/// How a delivery is hostile. Whoever sends it sees to [`Hostile::Duplicate`], [`Hostile::Reordered`] and
/// [`Hostile::Slow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hostile {
    /// The last digit of the signature is another one.
    BadSignature,
    /// The time is older than receivers accept.
    Stale,
    /// The time lies further in the future than receivers accept.
    Future,
    /// The message is delivered twice, with the same id.
    Duplicate,
    /// The message arrives after the next one.
    Reordered,
    /// The body was changed after it was signed: by one blank, so that it is the same JSON.
    Changed,
    /// The body arrives slowly, in small pieces.
    Slow,
    /// The body has [`OVERSIZED`] bytes.
    Oversized,
}

/// The text names no kind of hostile delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of hostile delivery")]
pub struct NotHostile;

impl Hostile {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::BadSignature,
        Self::Stale,
        Self::Future,
        Self::Duplicate,
        Self::Reordered,
        Self::Changed,
        Self::Slow,
        Self::Oversized,
    ];

    /// Its name in JSON and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadSignature => "bad_signature",
            Self::Stale => "stale",
            Self::Future => "future",
            Self::Duplicate => "duplicate",
            Self::Reordered => "reordered",
            Self::Changed => "changed",
            Self::Slow => "slow",
            Self::Oversized => "oversized",
        }
    }

    /// The time that a message claims to be sent at.
    #[must_use]
    pub fn sent_at(self, now: OffsetDateTime) -> OffsetDateTime {
        let beyond = MAX_AGE + Duration::minutes(1);
        match self {
            Self::Stale => now - beyond,
            Self::Future => now + beyond,
            Self::BadSignature | Self::Duplicate | Self::Reordered | Self::Changed | Self::Slow | Self::Oversized => {
                now
            }
        }
    }

    /// The body to sign, from that of an honest message, which is a JSON object.
    #[must_use]
    pub fn to_sign(self, body: Vec<u8>) -> Vec<u8> {
        match (self, body.strip_prefix(b"{")) {
            (Self::Oversized, Some(fields)) => {
                const BEFORE: &[u8] = b"{\"padding\":\"";
                const AFTER: &[u8] = b"\",";
                let padding = vec![b'x'; OVERSIZED.saturating_sub(BEFORE.len() + AFTER.len() + fields.len())];
                [BEFORE, &padding, AFTER, fields].concat()
            }
            _ => body,
        }
    }

    /// Changes a signed message.
    pub fn distort(self, headers: &mut HeaderMap, body: &mut Vec<u8>) {
        match self {
            Self::BadSignature => {
                if let Some(signature) = headers.get_mut(header::MESSAGE_SIGNATURE) {
                    let mut digits = signature.as_bytes().to_vec();
                    if let Some(last) = digits.last_mut() {
                        *last = if *last == b'0' { b'1' } else { b'0' };
                    }
                    if let Ok(wrong) = HeaderValue::from_bytes(&digits) {
                        *signature = wrong;
                    }
                }
            }
            Self::Changed => body.push(b' '),
            Self::Stale | Self::Future | Self::Duplicate | Self::Reordered | Self::Slow | Self::Oversized => {}
        }
    }
}

impl fmt::Display for Hostile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Hostile {
    type Err = NotHostile;

    /// Reads a name, with `-` or `_`.
    fn from_str(text: &str) -> Result<Self, NotHostile> {
        let name = text.replace('-', "_");
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(NotHostile)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::Value;
    use time::macros::datetime;

    use super::super::{Outgoing, SigningSecrets, VerifyError, check_age, format_timestamp, parse_timestamp};
    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-04-05 12:00:00 UTC);
    const BODY: &[u8] = br#"{"event":{"text":"hello"}}"#;

    /// What a receiver finds out about a message: whether its signature is good, whether its age is, and its body.
    fn received(kind: Hostile) -> (Result<(), VerifyError>, bool, Vec<u8>) {
        let secrets = SigningSecrets::new([&SecretString::from("0123456789")]).unwrap();
        let mut body = kind.to_sign(BODY.to_vec());
        let timestamp = format_timestamp(kind.sent_at(NOON));
        let mut headers = secrets.headers(&Outgoing::chat_message("m"), &timestamp, &body).unwrap();
        kind.distort(&mut headers, &mut body);
        let sent_at = parse_timestamp(headers[header::MESSAGE_TIMESTAMP].as_bytes()).unwrap();
        (secrets.verify(&headers, &body), check_age(sent_at, NOON).is_ok(), body)
    }

    #[test]
    fn each_kind_is_hostile_in_one_way() {
        for kind in Hostile::ALL {
            let (verified, is_fresh, body) = received(kind);
            let is_forged = matches!(kind, Hostile::BadSignature | Hostile::Changed);
            assert_eq!(verified, if is_forged { Err(VerifyError::Mismatch) } else { Ok(()) }, "{kind}");
            assert_eq!(is_fresh, !matches!(kind, Hostile::Stale | Hostile::Future), "{kind}");
            let read: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(read["event"]["text"], "hello", "{kind}");
            assert_eq!(body == BODY, !matches!(kind, Hostile::Changed | Hostile::Oversized), "{kind}");
            assert_eq!(body.len() == OVERSIZED, kind == Hostile::Oversized, "{kind}");
        }
    }

    #[test]
    fn a_name_reads_back_and_is_that_of_the_json() {
        for kind in Hostile::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(kind.name().replace('_', "-").parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert_eq!("friendly".parse::<Hostile>(), Err(NotHostile));
    }
}
