//! Calls to the services of a stack, by addresses that people gave.

use std::time::Duration;

use mgm_http_client::{ClientError, Exchange};
use mgm_service::services::ServiceId;
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than all that a service does within one call, `run-sequence` with its three calls included.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// All that MockHelixApi keeps of what was sent: 10,000 texts of 500 characters.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

/// A service to talk to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Which one.
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
    /// Who did not answer.
    pub service: ServiceId,
    /// Where it was looked for.
    pub url: String,
    /// Why, in the words of the HTTP client.
    pub reason: String,
}

impl Endpoint {
    /// A service at an address; a path in the address stays in front of each path that is called.
    pub fn new(service: ServiceId, base: Url) -> Result<Self, ClientError> {
        let client = mgm_http_client::client(&base, CONNECT_TIMEOUT)?;
        Ok(Self { service, base, client })
    }

    /// Where it is, without the closing slash.
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
    /// The body as JSON of a known shape, if it is that.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        mgm_api_types::json::from_slice(self.body.as_bytes()).ok()
    }

    /// The code of an error body.
    pub fn code(&self) -> Option<String> {
        self.json::<serde_json::Value>()?.get("code")?.as_str().map(str::to_owned)
    }

    /// Status and beginning of the body, on one line.
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
