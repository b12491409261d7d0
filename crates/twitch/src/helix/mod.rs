//! Helix, Twitch's REST interface (<https://dev.twitch.tv/docs/api/reference/>): Send Chat Message and Check User
//! Subscription.
//!
//! A chat message must not be sent twice, so the outcome of [`Helix::send_chat_message`] says exactly how far the call
//! got, and nothing in here repeats a request or follows a redirect.

mod base_url;
mod chat;
mod credentials;
mod subscription;

pub use base_url::{BaseUrlError, HelixBaseUrl};
pub use chat::SendOutcome;
pub use credentials::{Credentials, CredentialsError};
pub use subscription::SubscriptionError;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use reqwest::RequestBuilder;
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use crate::tolerant;
use crate::transport::{self, ClientError};

/// Helix' answers are small; a longer one is not Helix'.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The longest wait for a connection; short calls wait half their time at most.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A client of Helix. Credentials come with each call, since tokens are renewed.
#[derive(Clone, Debug)]
pub struct Helix {
    http: reqwest::Client,
    base_url: HelixBaseUrl,
    timeout: Duration,
}

/// What makes a call recognisable in the logs of both sides; sent along as it is.
#[derive(Clone, Debug, Default)]
pub struct Correlation {
    /// The W3C trace context, header `traceparent`.
    pub traceparent: Option<HeaderValue>,
    /// Our id of the request, header `x-request-id`.
    pub request_id: Option<HeaderValue>,
}

impl Helix {
    /// A client of the service at `base_url`. Every call takes `timeout` at the longest, answer included, and at most half
    /// of it (and never more than 3 s) for making the connection.
    pub fn new(base_url: HelixBaseUrl, timeout: Duration) -> Result<Self, ClientError> {
        let http = transport::client(base_url.as_url(), MAX_CONNECT_TIMEOUT.min(timeout / 2))?;
        Ok(Self { http, base_url, timeout })
    }

    fn request(
        &self,
        method: Method,
        url: Url,
        credentials: &Credentials,
        correlation: &Correlation,
    ) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        headers.extend(correlation.traceparent.clone().map(|value| (TRACEPARENT, value)));
        headers.extend(correlation.request_id.clone().map(|value| (REQUEST_ID, value)));
        self.http.request(method, url).headers(headers).headers(credentials.headers()).timeout(self.timeout)
    }
}

const TRACEPARENT: http::HeaderName = http::HeaderName::from_static("traceparent");
const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-request-id");

/// The moment from which requests are accepted again: `Ratelimit-Reset`, epoch seconds.
fn rate_limit_reset(headers: &HeaderMap) -> Option<OffsetDateTime> {
    let seconds = headers.get("ratelimit-reset")?.to_str().ok()?.trim().parse().ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// What Helix says is wrong, from its error body `{error, status, message}`.
fn error_message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct ErrorBody {
        #[serde(default, deserialize_with = "tolerant::identifier")]
        message: Option<String>,
    }

    read::<ErrorBody>(body)?.message
}

/// A JSON object, or nothing.
fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Option<T> {
    tolerant::object(&mut serde_json::Deserializer::from_slice(body)).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reset_is_read_from_epoch_seconds_and_nothing_else() {
        let reset = |value: &'static str| {
            rate_limit_reset(&HeaderMap::from_iter([(
                "ratelimit-reset".parse().unwrap(),
                HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(reset("1775390400").unwrap().unix_timestamp(), 1_775_390_400);
        assert_eq!(reset("soon"), None);
        assert_eq!(reset("99999999999999999"), None);
        assert_eq!(rate_limit_reset(&HeaderMap::new()), None);
    }

    #[test]
    fn the_message_of_an_error_body_is_read_where_there_is_one() {
        let body = br#"{"error":"Unauthorized","status":401,"message":"Invalid OAuth token"}"#;
        assert_eq!(error_message(body).as_deref(), Some("Invalid OAuth token"));
        for odd in [&b""[..], b"<html>", b"[]", b"{\"message\":5}", b"{\"message\":\"\"}"] {
            assert_eq!(error_message(odd), None);
        }
    }
}
