//! One request and its answer.

use std::borrow::Cow;
use std::fmt;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::client::reason;
use crate::scrub::Sent;

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

impl Exchange {
    /// Its label in metrics: the status, or how far it got.
    #[must_use]
    pub fn outcome(&self) -> Cow<'static, str> {
        match self {
            Self::NotConnected(_) => "not_connected".into(),
            Self::Interrupted(_) => "interrupted".into(),
            Self::Complete { status, .. } => status.as_u16().to_string().into(),
        }
    }
}

/// The body of an answer. It may repeat the credentials of the request, so texts that are recorded or shown are read from it
/// without them. Shows nothing in `Debug`.
pub struct AnswerBody {
    bytes: Bytes,
    sent: Sent,
}

impl AnswerBody {
    /// The body of an answer to a request without credentials.
    #[must_use]
    pub fn public(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), sent: Sent::default() }
    }

    /// The JSON at the start of the body, or `None`; the credentials of the request are removed from its texts.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        let mut json = Value::deserialize(&mut serde_json::Deserializer::from_slice(&self.bytes)).ok()?;
        self.sent.scrubber().scrub_json(&mut json);
        Some(json)
    }

    /// The body as text, without the credentials of the request.
    #[must_use]
    pub fn text(&self) -> String {
        self.sent.scrubber().scrub(String::from_utf8_lossy(&self.bytes).into_owned())
    }

    /// The body as received, to be passed on, compared or stored, but not shown.
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

/// Sends a request and reads the answer up to `max_body` bytes. The time-out, if any, is set in the request and covers the
/// whole exchange; it should be longer than the client's connection time-out, since only that one proves that nothing was
/// sent.
///
/// No text of the outcome repeats a credential of the request: those of its headers, and of its form or JSON body.
pub async fn exchange(request: RequestBuilder, max_body: usize) -> Exchange {
    let (client, request) = request.build_split();
    let request = match request {
        Ok(request) => request,
        // A request that could not be built was not sent either.
        Err(error) => return Exchange::NotConnected(reason(error)),
    };
    let sent = Sent::of(&request);
    match client.execute(request).await {
        Ok(response) => complete(response, max_body, sent).await,
        Err(error) if error.is_connect() => Exchange::NotConnected(sent.scrubber().scrub(reason(error))),
        Err(error) => Exchange::Interrupted(sent.scrubber().scrub(reason(error))),
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
