//! Calls to the backend.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri};
use mgm_api_types::mocks::Verdict;
use mgm_http_client::{ClientError, Exchange};
use url::Url;

use crate::journal::{Delivery, Journal};

/// The headers of a request that the calls made for it carry, too.
const PASSED_ON: [HeaderName; 2] = [HeaderName::from_static("traceparent"), HeaderName::from_static("tracestate")];

/// The longest wait for a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How much of the backend's answer is read, in bytes.
pub(crate) const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// `path` (without a leading slash) below `base`, with or without a trailing slash.
pub(crate) fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// The headers by which the trace of a request goes on.
pub(crate) fn trace_of(request: &HeaderMap) -> HeaderMap {
    let passed_on = PASSED_ON.into_iter().filter_map(|name| Some((name.clone(), request.get(name)?.clone())));
    passed_on.collect()
}

/// Calls the backend. Each call is in the journal.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    http: reqwest::Client,
    journal: Journal,
}

impl Outbound {
    pub(crate) fn new(backend: &Url, journal: Journal) -> Result<Self, ClientError> {
        Ok(Self { http: mgm_http_client::client(backend, CONNECT_TIMEOUT)?, journal })
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Exchange {
        let uri: Uri = url.as_str().parse().unwrap_or_default();
        let delivery = Delivery { method: &method, uri: &uri, headers: &headers, body: &body, client_id: "" };
        let open = self.journal.sent(&delivery);
        let request = self.http.request(method, url.clone()).headers(headers).body(body).timeout(timeout);
        let exchange = mgm_http_client::exchange(request, MAX_ANSWER).await;
        match &exchange {
            Exchange::Complete { status, headers, body } => {
                let text = body.text();
                open.answered(Verdict::Answered, *status, headers, Some(text.as_bytes()), text.len());
            }
            Exchange::NotConnected(_) | Exchange::Interrupted(_) => open.unanswered(Verdict::Unanswered),
        }
        exchange
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_of_the_base_makes_no_difference() {
        for (base, whole) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/x"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/x"),
            ("http://127.0.0.1:8080/below/it/", "http://127.0.0.1:8080/below/it/api/x"),
        ] {
            assert_eq!(endpoint(&base.parse().unwrap(), "api/x").as_str(), whole);
        }
    }
}
