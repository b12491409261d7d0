//! An HTTP client whose calls say how far they got, and whose texts never repeat the credentials of the request.

use std::error::Error;
use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::scrub::Sent;
use crate::tolerant;

/// How far a call got.
#[derive(Debug)]
pub enum Exchange {
    /// No connection was made (names, addresses, TLS); the other side has seen nothing of the request.
    NotConnected(String),
    /// The request, or a part of it, may have arrived, but no complete answer came: time-out, reset, truncated or
    /// overlong answer.
    Interrupted(String),
    /// A complete answer.
    Complete {
        /// Its status, of any class.
        status: StatusCode,
        /// Its headers.
        headers: HeaderMap,
        /// Its whole body.
        body: AnswerBody,
    },
}

/// The body of an answer. It may repeat the credentials of the request, so what is read of it to be written down or shown
/// is read without them. Shows nothing in `Debug`.
pub struct AnswerBody {
    bytes: Bytes,
    sent: Sent,
}

impl AnswerBody {
    /// A JSON object, or nothing; in its texts the credentials of the request are not shown.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        let mut json = Value::deserialize(&mut serde_json::Deserializer::from_slice(&self.bytes)).ok()?;
        self.sent.scrubber().scrub_json(&mut json);
        tolerant::object(json).ok()?
    }

    /// The text; in it the credentials of the request are not shown.
    #[must_use]
    pub fn text(&self) -> String {
        self.sent.scrubber().scrub(String::from_utf8_lossy(&self.bytes).into_owned())
    }

    /// A JSON object that is to hold credentials, and may repeat the old ones as the new: to be kept, not shown.
    pub(crate) fn credentials<T: DeserializeOwned>(&self) -> Option<T> {
        tolerant::object(&mut serde_json::Deserializer::from_slice(&self.bytes)).ok()?
    }

    /// The answer to a request without credentials.
    #[cfg(test)]
    pub(crate) fn of(body: &[u8]) -> Self {
        let url: Url = "http://127.0.0.1".parse().expect("a constant");
        let client = client(&url, Duration::from_secs(1)).expect("no certificate is loaded");
        let request = client.get(url).build().expect("a request without anything odd");
        Self { bytes: Bytes::copy_from_slice(body), sent: Sent::of(&request) }
    }

    /// As it came, to be passed on or compared.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerBody({} bytes)", self.bytes.len())
    }
}

/// Where Twitch's services are.
const TWITCH: [&str; 2] = ["https://api.twitch.tv", "https://id.twitch.tv"];

/// The operating system's certificates could not be loaded, or TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error(
    "an HTTPS client{} cannot be built ({reason}): install the CA certificates of the system (the package is \
     mostly called ca-certificates), or name a file of them in SSL_CERT_FILE",
    service.map(|service| format!(" for {service}")).unwrap_or_default()
)]
pub struct ClientError {
    /// Where it is Twitch's own; another address is a setting's value, which no error repeats.
    service: Option<&'static str>,
    reason: String,
}

/// A client for one service, by which no request is ever sent twice: no redirects, no retries, and a connection of its own
/// for every request, so that a failure of a connection that was kept open too long cannot be mistaken for one of this
/// request. Proxies of the environment are not used.
///
/// For a plain `http` service no certificate is loaded.
pub fn client(service: &Url, connect_timeout: Duration) -> Result<Client, ClientError> {
    // Refused only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let builder = Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .no_proxy();
    let builder = if service.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
    builder.build().map_err(|error| {
        let origin = service.origin().ascii_serialization();
        ClientError { service: TWITCH.into_iter().find(|twitch| *twitch == origin), reason: reason(error) }
    })
}

/// Sends a request and reads the answer up to `max_body` bytes. The time-out, where there is one, is the request's own
/// and covers all of it; it should be longer than the client's connection time-out, since only that one can say for sure
/// that nothing was sent.
///
/// No text of the outcome repeats a credential of the request: those of its headers, and of its form or JSON body.
///
/// Counted and timed in the metrics of the process, where it keeps any, by what is asked for and how far it got.
pub async fn exchange(request: RequestBuilder, max_body: usize) -> Exchange {
    let (client, request) = request.build_split();
    let request = match request {
        Ok(request) => request,
        // A request that could not be built has not been sent either.
        Err(error) => return Exchange::NotConnected(reason(error)),
    };
    let sent = Sent::of(&request);
    let (operation, started) = (operation(request.url().path()), Instant::now());
    let exchange = match client.execute(request).await {
        Ok(response) => complete(response, max_body, sent).await,
        Err(error) if error.is_connect() => Exchange::NotConnected(sent.scrubber().scrub(reason(error))),
        Err(error) => Exchange::Interrupted(sent.scrubber().scrub(reason(error))),
    };
    let outcome = match &exchange {
        Exchange::NotConnected(_) => "not_connected".into(),
        Exchange::Interrupted(_) => "interrupted".into(),
        Exchange::Complete { status, .. } => status.as_u16().to_string(),
    };
    metrics::histogram!("mgm_twitch_request_seconds", "operation" => operation, "outcome" => outcome)
        .record(started.elapsed().as_secs_f64());
    exchange
}

/// What the metrics call a route of Twitch's.
fn operation(path: &str) -> &'static str {
    match path.trim_start_matches('/') {
        "helix/chat/messages" => "send_chat_message",
        "helix/subscriptions" => "check_user_subscription",
        "helix/eventsub/subscriptions" => "eventsub_subscriptions",
        "oauth2/token" => "token",
        "oauth2/validate" => "validate_token",
        _ => "other",
    }
}

async fn complete(mut response: Response, max_body: usize, sent: Sent) -> Exchange {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > max_body => {
                return Exchange::Interrupted(format!("the answer is longer than {max_body} bytes"));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Exchange::Interrupted(sent.scrubber().scrub(reason(error))),
        }
    }
    let body = AnswerBody { bytes: body.freeze(), sent };
    Exchange::Complete { status: response.status(), headers: response.headers().clone(), body }
}

/// The error and what caused it, without the address, which may have a secret in it.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
