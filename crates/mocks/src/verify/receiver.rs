//! The receiver, as a client sees it.

use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use mgm_http_client::{ClientError, Exchange};
use url::Url;

use super::message::Message;
use crate::outbound::{CONNECT_TIMEOUT, MAX_ANSWER};

/// How long an answer is waited for; Twitch's own command-line tool waits as long.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is shown, in characters.
const SHOWN: usize = 200;

/// The receiver.
#[derive(Debug)]
pub(super) struct Receiver {
    http: reqwest::Client,
    url: Url,
}

/// What comes of a message.
#[derive(Debug)]
pub(super) enum Reply {
    Answer {
        status: StatusCode,
        headers: HeaderMap,
        body: Vec<u8>,
        took: Duration,
    },
    /// Nothing within [`TIMEOUT`].
    TooLate,
    /// The connection ended without a complete answer.
    Cut(String),
    /// There was no connection.
    NotConnected(String),
}

impl Receiver {
    pub(super) fn new(url: &Url) -> Result<Self, ClientError> {
        Ok(Self { http: mgm_http_client::client(url, CONNECT_TIMEOUT)?, url: url.clone() })
    }

    pub(super) async fn send(&self, message: &Message) -> Reply {
        let request = self.http.post(self.url.clone()).headers(message.headers.clone()).body(message.body.clone());
        let begun = Instant::now();
        let exchange = tokio::time::timeout(TIMEOUT, mgm_http_client::exchange(request, MAX_ANSWER)).await;
        match exchange {
            Err(_) => Reply::TooLate,
            Ok(Exchange::Complete { status, headers, body }) => {
                Reply::Answer { status, headers, body: body.into_bytes().to_vec(), took: begun.elapsed() }
            }
            Ok(Exchange::Interrupted(reason)) => Reply::Cut(reason),
            Ok(Exchange::NotConnected(reason)) => Reply::NotConnected(reason),
        }
    }
}

impl Reply {
    /// The reply in a few words.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::TooLate => format!("no answer within {} s", TIMEOUT.as_secs()),
            Self::Cut(reason) => format!("no complete answer: {reason}"),
            Self::NotConnected(reason) => format!("no connection: {reason}"),
            Self::Answer { status, headers, body, .. } => {
                let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
                let text = String::from_utf8_lossy(body);
                let clean = |c: char| if c.is_control() { ' ' } else { c };
                let mut shown: String = text.chars().take(SHOWN).map(clean).collect();
                if text.chars().count() > SHOWN {
                    shown.push('…');
                }
                let kind = kind.map(|kind| format!(" {kind}")).unwrap_or_default();
                let body = if shown.is_empty() { String::new() } else { format!(": {shown}") };
                format!("{}{kind}{body}", status.as_u16())
            }
        }
    }
}
