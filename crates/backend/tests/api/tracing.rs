//! Traces: from a caller through the backend to Twitch, in the log, and to a collector.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State, routing::post};
use mgm_api_types::mocks::JournalEntry;
use mgm_service::{
    bind::BindUrls,
    serve::{Limits, Listeners, serve},
};
use mgm_store::MIGRATOR;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Any},
    trace::v1::{ResourceSpans, Span, span::SpanKind},
};
use prost::Message;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{app::TestApp, helix::HelixStandIn, program::Running};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn traceparent() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

/// The trace and the span of a request to Twitch.
fn place(entry: &JournalEntry) -> (String, String) {
    let traceparent = entry.traceparent.as_ref().unwrap_or_else(|| panic!("{entry:?}"));
    let parts: Vec<_> = traceparent.split('-').collect();
    assert_eq!((parts.len(), parts[0], parts[1].len(), parts[2].len()), (4, "00", 32, 16), "{traceparent}");
    (parts[1].to_owned(), parts[2].to_owned())
}

/// The requests to Twitch on a path.
async fn asked(helix: &HelixStandIn, path: &str) -> Vec<JournalEntry> {
    helix.journal().await.requests.into_iter().filter(|entry| entry.path == path).collect()
}

#[tokio::test]
async fn an_announcement_is_part_of_the_trace_of_the_request_that_owes_it() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Annhero").await;
    let payout = app.pending("ann").await;
    app.change(&payout, "InProgress").await.ok();
    let sent = app.patch(&format!("/api/payouts/{payout}/status")).desktop().json(&json!({"status": "Sent"}));
    let sent = sent.header("traceparent", &traceparent()).header("tracestate", "vendor=1,other=2");
    sent.header("x-request-id", "the-desktops-own").send().await.ok();
    app.sent("bob", "Bobhero").await;
    let asked = asked(&app.helix, "/helix/chat/messages").await;
    let (trace, span) = place(&asked[0]);
    assert_eq!(trace, TRACE);
    assert_ne!(span, SPAN, "the call is made by a span of ours");
    assert_eq!(asked[0].tracestate.as_deref(), Some("vendor=1,other=2"));
    assert_eq!(asked[0].request_id.as_deref(), Some("the-desktops-own"));
    assert_ne!(place(&asked[1]).0, TRACE, "who brings no trace begins one");
    assert_eq!(asked[1].tracestate, None);
    assert!(asked[1].request_id.is_some());
    app.finish().await;
}

#[tokio::test]
async fn the_worker_begins_traces_of_its_own() {
    let app = TestApp::start().await;
    app.helix.status(503).await;
    app.sent("ann", "Annhero").await;
    app.advance(3_600);
    app.announce_due().await;
    let asked = asked(&app.helix, "/helix/chat/messages").await;
    assert_eq!(asked.len(), 2);
    assert_ne!(place(&asked[0]).0, place(&asked[1]).0);
    assert_ne!(asked[0].request_id, asked[1].request_id);
    app.finish().await;
}

#[tokio::test]
async fn a_subscription_is_checked_in_the_trace_of_the_claim() {
    let app = TestApp::with(|settings| settings.mgm.dev_skip_subscriber_check = false).await;
    let claim = json!({"characterName": "Annhero", "enrollmentRequestId": "r"});
    let claim = app.post("/api/payouts/claim").viewer("ann").json(&claim).header("traceparent", &traceparent());
    claim.send().await.success(201);
    let asked = asked(&app.helix, "/helix/subscriptions").await;
    assert_eq!(place(&asked[0]).0, TRACE);
    app.finish().await;
}

/// A collector of traces, on its own port.
fn collector() -> (String, Arc<Mutex<Vec<ResourceSpans>>>) {
    let listeners = Listeners::bind(&BindUrls::loopback(0)).unwrap();
    let url = format!("http://{}", listeners.addresses()[0]);
    let collected = Arc::new(Mutex::new(vec![]));
    let take = async |State(collected): State<Arc<Mutex<Vec<ResourceSpans>>>>, body: Bytes| {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        collected.lock().unwrap().extend(request.resource_spans);
    };
    let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&collected));
    tokio::spawn(serve(listeners, router, Limits::default(), CancellationToken::new()));
    (url, collected)
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Any> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

/// Takes a payout to `Sent` within a caller's trace.
async fn sent_in_a_trace(backend: &Running) {
    let payout = backend.in_progress("ann", "Annhero").await;
    let request = backend.http.patch(format!("{}/api/payouts/{payout}/status", backend.url));
    let request = request.header("x-mgm-apikey", "hush-api-key").header("traceparent", traceparent());
    let answer = request.json(&json!({"status": "Sent"})).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["isRewardSentAnnouncedToChat"], true);
}

#[tokio::test]
async fn traces_reach_a_collector_and_the_log_names_them() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let (url, collected) = collector();
    let backend = Running::start_with(&database, &helix, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]).await;
    sent_in_a_trace(&backend).await;
    backend.terminate();
    let (status, log) = backend.end().await;
    assert_eq!(status, 0);

    let collected = std::mem::take(&mut *collected.lock().unwrap());
    let resource = collected[0].resource.as_ref().unwrap();
    let name = attribute(&resource.attributes, "service.name");
    assert_eq!(name, Some(&Any::StringValue("mgm-backend".to_owned())));
    let spans = collected.iter().flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans);
    let spans: Vec<&Span> = spans.filter(|span| hex(&span.trace_id) == TRACE).collect();
    let named =
        |name: &str| *spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    let (request, announce) = (named("request"), named("announce"));
    assert_eq!(hex(&request.parent_span_id), SPAN);
    assert_eq!(request.kind(), SpanKind::Server);
    let route = attribute(&request.attributes, "route");
    assert_eq!(route, Some(&Any::StringValue("/api/payouts/{id}/status".to_owned())));
    assert_eq!(attribute(&request.attributes, "http.response.status_code"), Some(&Any::IntValue(200)));
    assert_eq!(announce.parent_span_id, request.span_id);
    let asked = asked(&helix, "/helix/chat/messages").await;
    assert_eq!(place(&asked[0]), (TRACE.to_owned(), hex(&announce.span_id)));

    let line = |message: &str| {
        let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut lines = lines.filter(|line| line["message"] == message && line["span"]["trace_id"] == TRACE);
        lines.next().unwrap_or_else(|| panic!("{message} in {log:#?}"))
    };
    assert_eq!(line("announcement attempted")["span"]["request_id"], line("request")["span"]["request_id"]);
}

#[tokio::test]
async fn a_collector_that_is_away_is_in_nobodys_way() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    // Nothing listens there: the port was free a moment ago.
    let url = format!("http://{}", Listeners::bind(&BindUrls::loopback(0)).unwrap().addresses()[0]);
    let backend = Running::start_with(&database, &helix, &[("Mgm__OtlpEndpoint", &url)]).await;
    sent_in_a_trace(&backend).await;
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
    assert_eq!(helix.messages().await.len(), 1);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
