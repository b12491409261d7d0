//! What is known of every request: its id, and the line it leaves in the log.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use mgm_twitch::helix::Correlation;
use tracing::{Instrument, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{state::AppState, trace};

/// The header that carries the id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Routes that are called all the time: what they do well is not worth a line.
const QUIET_ROUTES: [&str; 3] = ["/api/twitch/eventsub", "/health/live", "/health/ready"];

/// A request's id: the caller's, where it is sane, else one of ours.
#[derive(Debug, Clone)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Its text: ASCII letters, digits, `.`, `_` and `-`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of_caller(request: &Request) -> Option<Self> {
        let text = request.headers().get(REQUEST_ID)?.to_str().ok()?;
        let sane = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        sane.then(|| Self(text.into()))
    }
}

/// Names the request, answers with the name, counts and times it, and writes one line to the log.
pub(crate) async fn context(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of_caller(&request).unwrap_or_else(|| RequestId(state.chance.uuid().to_string().into()));
    request.extensions_mut().insert(id.clone());
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    // Of the highest level, so that whatever the log is filtered to, its lines say which request they are of.
    let span = tracing::error_span!(
        "request",
        request_id = id.as_str(),
        trace_id = Empty,
        method,
        route,
        otel.kind = "server"
    );
    // Handlers find our own place in the trace where the caller's was.
    let ours = trace::follow(&span, correlation(request.headers(), &id), &state.chance);
    for (name, value) in [(trace::TRACEPARENT, ours.traceparent), (trace::TRACESTATE, ours.tracestate)] {
        match value {
            Some(value) => drop(request.headers_mut().insert(name, value)),
            None => drop(request.headers_mut().remove(name)),
        }
    }
    let exported = span.clone();
    async {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let elapsed = started.elapsed();
        let status = response.status().as_u16();
        exported.set_attribute("http.response.status_code", i64::from(status));
        metrics::histogram!(
            "mgm_http_request_seconds",
            "method" => method, "route" => route.clone(), "status" => status.to_string(),
        )
        .record(elapsed.as_secs_f64());
        let microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if status >= 500 {
            tracing::error!(status, microseconds, "request failed");
        } else if QUIET_ROUTES.contains(&route.as_str()) && status < 400 {
            tracing::debug!(status, microseconds, "request");
        } else {
            tracing::info!(status, microseconds, "request");
        }
        response
    }
    .instrument(span)
    .await
}

/// What ties a call to another service to the request that made it.
pub(crate) fn correlation(headers: &HeaderMap, id: &RequestId) -> Correlation {
    Correlation {
        traceparent: headers.get(trace::TRACEPARENT).cloned(),
        tracestate: headers.get(trace::TRACESTATE).cloned(),
        request_id: HeaderValue::from_str(id.as_str()).ok(),
    }
}

/// The method, where HTTP has it: a client may make up others, and each would be a series of its own in the metrics.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PATCH", "OPTIONS", "HEAD", "PUT", "DELETE", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("(other)")
}
