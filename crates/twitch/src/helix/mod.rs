//! Helix, Twitch's REST interface (<https://dev.twitch.tv/docs/api/reference/>): Send Chat Message, Get Broadcaster
//! Subscriptions, and EventSub subscriptions.
//!
//! A chat message must not be sent twice, so the outcome of [`Helix::send_chat_message`] says exactly how far the call
//! got, and nothing in this module repeats a request or follows a redirect.

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

/// A client of Helix. Credentials are passed with each call, since tokens are renewed.
#[derive(Clone, Debug)]
pub struct Helix {
    http: reqwest::Client,
    base_url: HelixBaseUrl,
    timeout: Duration,
}

/// What identifies a call in the logs of both sides; sent unchanged.
#[derive(Clone, Debug, Default)]
pub struct Correlation {
    /// The W3C trace context, header `traceparent`.
    pub traceparent: Option<HeaderValue>,
    /// The vendor part of the trace context, header `tracestate`.
    pub tracestate: Option<HeaderValue>,
    /// Our request id, header `x-request-id`.
    pub request_id: Option<HeaderValue>,
}

/// A call that Helix did not carry out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, or no complete answer.
    #[error("no complete answer from Helix: {0}")]
    Unreachable(String),
    /// 429.
    #[error("too many requests to Helix")]
    RateLimited {
        /// When requests are accepted again, by Helix' clock, if Helix says so.
        reset: Option<OffsetDateTime>,
    },
    /// A status that the call does not expect; 401 if the token is no longer valid.
    #[error("Helix answered {status}: {}", .message.as_deref().unwrap_or("no reason given"))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Helix' explanation.
        message: Option<String>,
    },
    /// A success without the expected content.
    #[error("the answer of Helix lacks the expected content")]
    OddAnswer,
}

impl CallError {
    /// Whether the token was refused.
    #[must_use]
    pub const fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }
}

impl Helix {
    /// A client of the service at `base_url`. Every call takes at most `timeout`, including the answer, and at most half of it
    /// (and never more than 3 s) to connect.
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

/// One exchange; an answer that is neither a success nor one that the caller handles is an error.
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

/// When requests are accepted again: `Ratelimit-Reset`, epoch seconds by Helix' clock.
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
