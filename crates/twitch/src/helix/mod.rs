//! Helix, Twitch's REST interface (<https://dev.twitch.tv/docs/api/reference/>): Send Chat Message, Get Broadcaster
//! Subscriptions, and the subscriptions of EventSub.
//!
//! A chat message must not be sent twice, so the outcome of [`Helix::send_chat_message`] says exactly how far the call
//! got, and nothing in here repeats a request or follows a redirect.

mod chat;
mod credentials;
mod eventsub;
mod subscription;

pub use crate::base_url::{BaseUrlError, HelixBaseUrl};
pub use chat::{CHAT_SCOPE, SendOutcome};
pub use credentials::{Credentials, CredentialsError};
pub use eventsub::{CHAT_SUBSCRIPTION_SCOPES, EventSubSubscription, SubscriptionRequest, Transport};
pub use subscription::SUBSCRIPTIONS_SCOPE;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mgm_http_client::{AnswerBody, ClientError, Exchange};
use reqwest::RequestBuilder;
use time::OffsetDateTime;
use url::Url;

use crate::call::{self, error_message, exchange};

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
    /// What belongs to it, header `tracestate`.
    pub tracestate: Option<HeaderValue>,
    /// Our id of the request, header `x-request-id`.
    pub request_id: Option<HeaderValue>,
}

/// A call that Helix did not do as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, or no complete answer.
    #[error("Helix could not be asked: {0}")]
    Unreachable(String),
    /// 429.
    #[error("Helix has had too many requests")]
    RateLimited {
        /// From when requests are accepted again, where Helix says so.
        reset: Option<OffsetDateTime>,
    },
    /// Any other status than those that the call knows; 401 when the token is no longer good.
    #[error("Helix answered {status}: {}", .message.as_deref().unwrap_or("no reason given"))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What Helix says is wrong.
        message: Option<String>,
    },
    /// A success without what it should contain.
    #[error("Helix answered without what was asked for")]
    OddAnswer,
}

impl CallError {
    /// Whether the token was not accepted.
    #[must_use]
    pub const fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }
}

impl Helix {
    /// A client of the service at `base_url`. Every call takes `timeout` at the longest, answer included, and at most half
    /// of it (and never more than 3 s) for making the connection.
    pub fn new(base_url: HelixBaseUrl, timeout: Duration) -> Result<Self, ClientError> {
        let http = call::client(base_url.as_url(), timeout)?;
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
        headers.extend(correlation.tracestate.clone().map(|value| (TRACESTATE, value)));
        headers.extend(correlation.request_id.clone().map(|value| (REQUEST_ID, value)));
        self.http.request(method, url).headers(headers).headers(credentials.headers()).timeout(self.timeout)
    }
}

/// One exchange; what is neither a success nor the caller's to judge is an error.
async fn call(
    operation: &'static str,
    request: RequestBuilder,
    known: impl FnOnce(StatusCode) -> bool,
) -> Result<(StatusCode, AnswerBody), CallError> {
    match exchange(operation, request).await {
        Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => Err(CallError::Unreachable(reason)),
        Exchange::Complete { status, body, .. } if known(status) => Ok((status, body)),
        Exchange::Complete { status: StatusCode::TOO_MANY_REQUESTS, headers, .. } => {
            Err(CallError::RateLimited { reset: rate_limit_reset(&headers) })
        }
        Exchange::Complete { status, body, .. } => {
            Err(CallError::Refused { status: status.as_u16(), message: error_message(&body) })
        }
    }
}

const TRACEPARENT: http::HeaderName = http::HeaderName::from_static("traceparent");
const TRACESTATE: http::HeaderName = http::HeaderName::from_static("tracestate");
const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-request-id");

/// The moment from which requests are accepted again: `Ratelimit-Reset`, epoch seconds.
fn rate_limit_reset(headers: &HeaderMap) -> Option<OffsetDateTime> {
    let seconds = headers.get("ratelimit-reset")?.to_str().ok()?.trim().parse().ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
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
}
