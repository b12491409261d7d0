//! Calls to the services of a stack, at addresses that the user gives.

use std::time::Duration;

use mgm_http_client::{ClientError, Exchange};
use mgm_service::services::ServiceId;
use reqwest::header::DATE;
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than any call to a service takes, including `run-sequence` with its three calls.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// All sent messages that MockHelixApi keeps: 10,000 texts of 500 characters.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

/// A service to call.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The service.
    pub service: ServiceId,
    base: Url,
    client: Client,
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as far as it is text.
    pub body: String,
}

/// No complete answer came.
#[derive(Clone, Debug)]
pub struct NoAnswer {
    /// The service that did not answer.
    pub service: ServiceId,
    /// The address.
    pub url: String,
    /// The HTTP client's error.
    pub reason: String,
}

impl Endpoint {
    /// A service at an address; a path in the address is prepended to each path that is called.
    pub fn new(service: ServiceId, base: Url) -> Result<Self, ClientError> {
        let client = mgm_http_client::client(&base, CONNECT_TIMEOUT)?;
        Ok(Self { service, base, client })
    }

    /// The address, without a trailing slash.
    pub fn url(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// A request to a path, which begins with `/`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url())).timeout(CALL_TIMEOUT)
    }

    /// A request to the address itself.
    pub fn request_as_is(&self, method: Method) -> RequestBuilder {
        self.client.request(method, self.base.clone()).timeout(CALL_TIMEOUT)
    }

    /// Its TCP port, if it is on this machine.
    pub fn port(&self) -> Option<u16> {
        let is_here = self.base.host_str().is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host));
        self.base.port_or_known_default().filter(|_| is_here)
    }

    /// The header `Date` of the answer to a request.
    pub async fn date(&self, request: RequestBuilder) -> Result<Option<String>, NoAnswer> {
        match mgm_http_client::exchange(request, LONGEST_ANSWER).await {
            Exchange::Complete { headers, .. } => {
                Ok(headers.get(DATE).and_then(|date| date.to_str().ok()).map(str::to_owned))
            }
            Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => {
                Err(NoAnswer { service: self.service, url: self.url(), reason })
            }
        }
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, NoAnswer> {
        match mgm_http_client::exchange(request, LONGEST_ANSWER).await {
            Exchange::Complete { status, body, .. } => Ok(Answer { status: status.as_u16(), body: body.text() }),
            Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => {
                Err(NoAnswer { service: self.service, url: self.url(), reason })
            }
        }
    }
}

impl Answer {
    /// The body as JSON, if it has the expected shape.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        mgm_api_types::json::from_slice(self.body.as_bytes()).ok()
    }

    /// The code of an error body.
    pub fn code(&self) -> Option<String> {
        self.json::<serde_json::Value>()?.get("code")?.as_str().map(str::to_owned)
    }

    /// The status and the beginning of the body, on one line.
    pub fn summary(&self) -> String {
        let body = self.body.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = body.chars().take(400).collect();
        let more = if short.len() < body.len() { "…" } else { "" };
        format!("{} {short}{more}", self.status).trim_end().to_owned()
    }
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no answer from {} at {}: {}", self.service.service().component, self.url, self.reason)
    }
}

impl std::error::Error for NoAnswer {}
