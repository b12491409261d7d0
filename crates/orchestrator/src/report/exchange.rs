//! What really happened between the parties: the calls of a scenario, and what the journals of the stand-ins add.

use mgm_api_types::mocks::{Journal, JournalEntry, MessageKind};
use mgm_service::services::{SERVICES, ServiceId};
use reqwest::Method;
use serde::Serialize;
use time::OffsetDateTime;

use super::durations::in_milliseconds;
use crate::scenario::{Call, Stage, Taken};

/// The party that plays a scenario.
pub(super) const PLAYER: &str = "mgm";

/// A call of one party by another.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// When it began, in milliseconds since 1970, by this machine's clock.
    at_ms: f64,
    /// The time until its answer.
    took_ms: Option<f64>,
    from: &'static str,
    to: &'static str,
    method: String,
    path: String,
    status: Option<u16>,
    /// The step, counted from 0, during which it happened.
    step: Option<usize>,
}

/// Milliseconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 are exact in 53 bits")]
pub(super) fn since_1970(at: OffsetDateTime) -> f64 {
    (at.unix_timestamp_nanos() / 1000) as f64 / 1000.0
}

/// The exchanges of one trace, in order. Journals that cannot be read add nothing.
pub async fn collect(stage: &Stage<'_>, taken: &[Taken], trace_id: &str) -> Vec<Exchange> {
    let own = |step: usize, call: &Call| Exchange {
        at_ms: since_1970(call.at),
        took_ms: Some(in_milliseconds(call.took)),
        from: PLAYER,
        to: call.service.service().component,
        method: call.method.clone(),
        path: call.path.clone(),
        status: call.status,
        step: Some(step),
    };
    let calls = || taken.iter().enumerate().flat_map(|(step, taken)| taken.calls.iter().map(move |call| (step, call)));
    let mut all: Vec<_> = calls().map(|(step, call)| own(step, call)).collect();
    for service in SERVICES.iter().filter(|service| service.id.is_stand_in()) {
        let endpoint = stage.endpoint(service.id);
        // The backend passes the id of a request on to Helix.
        let is_own = |entry: &JournalEntry| {
            let is = |call: &Call| call.service == service.id && entry.request_id.as_ref() == Some(&call.request_id);
            calls().any(|(_, call)| is(call))
        };
        let is_of_trace =
            |entry: &JournalEntry| entry.traceparent.as_ref().is_some_and(|trace| trace.contains(trace_id));
        for path in ["/requests", "/requests?kind=delivery"] {
            let Ok(answer) = endpoint.send(endpoint.request(Method::GET, path)).await else { continue };
            let Some(journal) = answer.json::<Journal>() else { continue };
            let others = journal.requests.iter().filter(|entry| is_of_trace(entry) && !is_own(entry));
            all.extend(others.map(|entry| of_journal(service.component, entry, taken)));
        }
    }
    all.sort_by(|one, other| one.at_ms.total_cmp(&other.at_ms));
    all
}

/// What a stand-in was sent comes from the backend, and what it sends goes there.
fn of_journal(stand_in: &'static str, entry: &JournalEntry, taken: &[Taken]) -> Exchange {
    let backend = ServiceId::Backend.service().component;
    let (from, to) = match entry.kind {
        MessageKind::Request => (backend, stand_in),
        MessageKind::Delivery => (stand_in, backend),
    };
    // Journals count whole milliseconds.
    let during = |taken: &Taken| {
        taken.at.truncate_to_millisecond() <= entry.received_at && entry.received_at <= taken.at + taken.took
    };
    let step = taken.iter().position(during);
    let at_ms = since_1970(entry.received_at);
    // It follows the call that led to it and began within the same millisecond.
    let calls = step.iter().flat_map(|step| &taken[*step].calls).map(|call| since_1970(call.at));
    let led_to_it = calls.filter(|call| (at_ms..at_ms + 1.0).contains(call)).min_by(f64::total_cmp);
    Exchange {
        at_ms: led_to_it.map_or(at_ms, |call| call + 0.001),
        took_ms: entry.duration_ms,
        from,
        to,
        method: entry.method.clone(),
        path: entry.path.clone(),
        status: entry.status,
        step,
    }
}
