//! The trace that work belongs to (<https://www.w3.org/TR/trace-context/>), whether or not traces are exported.

pub(crate) mod export;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use mgm_twitch::helix::Correlation;
use opentelemetry::{
    Context,
    propagation::TextMapPropagator,
    trace::{SpanContext, SpanId, TraceContextExt, TraceId},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field::display};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use mgm_system::RandomSource;

/// The header fields of the trace context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// See [`TRACEPARENT`].
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Makes `span` part of the caller's trace, or of a new one if the caller's is missing or malformed, and records the
/// trace's id in its field `trace_id`. Returns the headers for calls made in this span.
pub(crate) fn follow(span: &Span, caller: Correlation, random: &RandomSource) -> Correlation {
    let mut fields = HeaderMap::new();
    fields.extend(caller.traceparent.map(|value| (TRACEPARENT, value)));
    fields.extend(caller.tracestate.map(|value| (TRACESTATE, value)));
    correlation(&place(span, &fields, random), caller.request_id)
}

/// The same for a caller that has sent these headers. Returns the place of `span` in the trace; [`correlation`] turns
/// it into headers for calls, which few requests make.
pub(crate) fn place(span: &Span, caller: &HeaderMap, random: &RandomSource) -> SpanContext {
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(caller));
    if parent.span().span_context().is_valid() {
        // Fails if no layer records the span, and then nothing needs the parent.
        let _ = span.set_parent(parent.clone());
    }
    let exported = span.context();
    let here = match exported.span().span_context() {
        // If traces are exported, the span already has its ids.
        exported if exported.is_valid() => exported.clone(),
        _ => child(parent.span().span_context(), random),
    };
    span.record("trace_id", display(here.trace_id()));
    here
}

/// The headers for calls made from this place.
pub(crate) fn correlation(place: &SpanContext, request_id: Option<HeaderValue>) -> Correlation {
    let mut fields = HeaderMap::new();
    let place = Context::new().with_remote_span_context(place.clone());
    TraceContextPropagator::new().inject_context(&place, &mut HeaderInjector(&mut fields));
    Correlation {
        traceparent: fields.remove(TRACEPARENT),
        tracestate: fields.remove(TRACESTATE).filter(|value: &HeaderValue| !value.is_empty()),
        request_id,
    }
}

/// A new place below this one, or in a new trace.
fn child(parent: &SpanContext, random: &RandomSource) -> SpanContext {
    let span = SpanId::from(random.uuid().as_u64_pair().1);
    let trace = if parent.is_valid() { parent.trace_id() } else { TraceId::from(random.uuid().as_u128()) };
    SpanContext::new(trace, span, parent.trace_flags(), false, parent.trace_state().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn followed(traceparent: Option<&str>, tracestate: Option<&str>) -> (String, Option<String>) {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let caller = Correlation {
            traceparent: traceparent.map(value),
            tracestate: tracestate.map(value),
            request_id: Some(HeaderValue::from_static("r")),
        };
        let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
        let followed = follow(&Span::none(), caller, &RandomSource::from_seed([1; 32]));
        assert_eq!(followed.request_id.unwrap(), "r");
        (text(followed.traceparent.unwrap()), followed.tracestate.map(text))
    }

    #[test]
    fn a_callers_trace_goes_on_under_a_span_of_our_own() {
        for flags in ["00", "01"] {
            let caller = format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
            let (ours, state) = followed(Some(&caller), Some("vendor=1,other=2"));
            assert!(ours.starts_with(&format!("00-{TRACE}-")) && ours.ends_with(&format!("-{flags}")), "{ours}");
            assert_ne!(ours, caller);
            assert_eq!(state.as_deref(), Some("vendor=1,other=2"));
        }
    }

    #[test]
    fn what_is_no_trace_is_not_followed() {
        let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let upper = format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase());
        for caller in [None, Some(""), Some("nonsense"), Some(zeros.as_str()), Some(upper.as_str())] {
            let (ours, state) = followed(caller, Some("vendor=1"));
            let parts: Vec<_> = ours.split('-').collect();
            assert_eq!((parts.len(), parts[1].len(), parts[2].len()), (4, 32, 16), "{ours}");
            assert!(parts[1] != TRACE && parts[1] != "0".repeat(32), "{ours}");
            assert_eq!(state, None);
        }
    }
}
