//! Middleware: a request's id, and its line in the log.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method},
    response::Response,
};
use mgm_system::RandomSource;
use mgm_twitch::helix::Correlation;
use opentelemetry::trace::SpanContext;
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{http::error::LoggedTogether, metrics, trace};

/// The header that carries the request id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: the caller's if it is well-formed, otherwise one of ours.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id's text: ASCII letters, digits, `.`, `_` and `-`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("an id is ASCII")
    }

    fn of_caller(request: &Request) -> Option<Self> {
        let value = request.headers().get(REQUEST_ID)?;
        let sane = (1..=64).contains(&value.len())
            && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
        sane.then(|| Self(value.clone()))
    }

    fn of_ours(random: &RandomSource) -> Self {
        Self(HeaderValue::try_from(random.uuid().to_string()).expect("a UUID is ASCII"))
    }
}

/// The request's context, an extension for handlers.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    pub(crate) id: RequestId,
    /// Our own span, in the caller's trace or in a new one.
    place: SpanContext,
}

impl RequestContext {
    /// The headers that relate a call to another service to this request.
    pub(crate) fn correlation(&self) -> Correlation {
        trace::correlation(&self.place, Some(self.id.0.clone()))
    }
}

/// Gives each request an id and returns it with the answer, counts and times the request, and writes one line to the
/// log, at level debug if a quiet route succeeded.
pub(crate) fn context(
    random: &RandomSource,
    quiet_routes: &'static [&'static str],
    request: &mut Request,
) -> (Span, impl FnOnce(Response) -> Response + use<>) {
    let started = Instant::now();
    let id = RequestId::of_caller(request).unwrap_or_else(|| RequestId::of_ours(random));
    let method = method_label(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    // At the highest level, so that lines show their request whatever the log's filter is.
    let span = tracing::error_span!(
        "request",
        request_id = id.as_str(),
        trace_id = Empty,
        method,
        route = route(matched.as_ref()),
        otel.kind = "server"
    );
    let place = trace::place(&span, request.headers(), random);
    request.extensions_mut().insert(RequestContext { id: id.clone(), place });
    let exported = span.clone();
    let leave = move |mut response: Response| {
        response.headers_mut().insert(REQUEST_ID, id.0);
        let elapsed = started.elapsed();
        let status = response.status().as_u16();
        let route = route(matched.as_ref());
        exported.set_attribute("http.response.status_code", i64::from(status));
        metrics::http_request_seconds(method, route, status).record(elapsed.as_secs_f64());
        let microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if response.extensions().get::<LoggedTogether>().is_some() {
            tracing::debug!(status, microseconds, "request");
        } else if status >= 500 {
            tracing::error!(status, microseconds, "request failed");
        } else if quiet_routes.contains(&route) && status < 400 {
            tracing::debug!(status, microseconds, "request");
        } else {
            tracing::info!(status, microseconds, "request");
        }
        response
    };
    (span, leave)
}

/// The matched route, as written in the router.
fn route(matched: Option<&MatchedPath>) -> &str {
    matched.map_or("(none)", MatchedPath::as_str)
}

/// The method, if HTTP defines it: clients may invent others, and each would be another series in the metrics.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PATCH", "OPTIONS", "HEAD", "PUT", "DELETE", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("(other)")
}
