//! Calls to Twitch's services.

use std::time::{Duration, Instant};

use mgm_http_client::{AnswerBody, ClientError, Exchange};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::tolerant;

/// The addresses of Twitch's services.
const TWITCH: [&str; 2] = ["https://api.twitch.tv", "https://id.twitch.tv"];

/// Twitch's answers are small; a longer one is not from Twitch.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The longest wait for a connection; short calls wait at most half of their time.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A client of one service, for calls that take at most `timeout`: at most half of it, and never more than 3 s, to
/// connect.
pub(crate) fn client(service: &Url, timeout: Duration) -> Result<Client, ClientError> {
    mgm_http_client::client(service, MAX_CONNECT_TIMEOUT.min(timeout / 2)).map_err(|error| {
        let origin = service.origin().ascii_serialization();
        match TWITCH.into_iter().find(|twitch| *twitch == origin) {
            Some(twitch) => error.naming(twitch),
            None => error,
        }
    })
}

/// Sends a request and reads the answer; counted and timed in the process's metrics, if it has any, by operation and by how
/// far the call got.
pub(crate) async fn exchange(operation: &'static str, request: RequestBuilder) -> Exchange {
    let started = Instant::now();
    let exchange = mgm_http_client::exchange(request, MAX_ANSWER_BYTES).await;
    metrics::histogram!("mgm_twitch_request_seconds", "operation" => operation, "outcome" => exchange.outcome())
        .record(started.elapsed().as_secs_f64());
    exchange
}

/// A JSON object, or `None`; the credentials of the request are removed from its texts.
pub(crate) fn read<T: DeserializeOwned>(body: &AnswerBody) -> Option<T> {
    tolerant::object(body.json()?).ok()?
}

/// A JSON object with new credentials, which may equal the old ones: to be stored, not shown.
pub(crate) fn read_credentials<T: DeserializeOwned>(body: AnswerBody) -> Option<T> {
    tolerant::object(&mut serde_json::Deserializer::from_slice(&body.into_bytes())).ok()?
}

/// Twitch's explanation, from its error body `{error, status, message}`.
pub(crate) fn error_message(body: &AnswerBody) -> Option<String> {
    #[derive(Deserialize)]
    struct ErrorBody {
        #[serde(default, deserialize_with = "tolerant::identifier")]
        message: Option<String>,
    }

    read::<ErrorBody>(body)?.message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_an_error_body_is_read_where_there_is_one() {
        let message = |body: &'static [u8]| error_message(&AnswerBody::public(body));
        let body = br#"{"error":"Unauthorized","status":401,"message":"Invalid OAuth token"}"#;
        assert_eq!(message(body).as_deref(), Some("Invalid OAuth token"));
        for odd in [&b""[..], b"<html>", b"[]", b"{\"message\":5}", b"{\"message\":\"\"}"] {
            assert_eq!(message(odd), None);
        }
    }
}
