//! `/metrics`, as scraped by Prometheus.

use std::collections::{BTreeMap, BTreeSet};

use mgm_backend::metrics::{METRICS, Metric};
use mgm_store::MIGRATOR;
use mgm_twitch::eventsub::ChatMessageBuilder;
use serde_json::json;

use crate::{
    helix::HelixStandIn,
    program::{PATIENCE, Running, address},
};

/// Scrapes until the text has all of these lines.
async fn scraped(backend: &Running, lines: &[&str]) -> String {
    let metrics = backend.written.iter().find_map(|line| address(line, "serving metrics")).unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let text = backend.http.get(format!("http://{metrics}/metrics")).send().await.unwrap().text().await.unwrap();
        match lines.iter().find(|line| !text.lines().any(|other| other == **line)) {
            None => return text,
            Some(missing) => assert!(tokio::time::Instant::now() < deadline, "{missing} in\n{text}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// A backend that has processed some of everything.
async fn busy() -> (Running, HelixStandIn, mgm_test_support::TestDatabase) {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start(&database, &helix).await;
    backend.chat("ann", "!twgold Annhero").await;
    backend.chat("bob", "!twgold Annhero").await;
    backend.chat("bob", "hello").await;
    (backend, helix, database)
}

#[tokio::test]
async fn metrics_have_a_listener_of_their_own() {
    let (backend, _helix, _database) = busy().await;
    let lines = [
        r#"mgm_refusals_total{code="character_name_taken_in_pool",via="chat"} 1"#,
        r#"mgm_eventsub_messages_total{outcome="ordinary"} 1"#,
        r#"mgm_eventsub_messages_total{outcome="command"} 2"#,
        r#"mgm_store_transactions_total{name="enrol",outcome="committed"} 2"#,
        r#"mgm_http_request_seconds_count{method="POST",route="/api/twitch/eventsub",status="200"} 3"#,
    ];
    scraped(&backend, &lines).await;
    assert_eq!(backend.http.get(format!("{}/metrics", backend.url)).send().await.unwrap().status(), 404);
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
}

#[tokio::test]
async fn the_gauges_show_the_database() {
    let (backend, helix, database) = busy().await;
    backend.chat("dan", "!twgift Danhero").await;
    scraped(&backend, &["mgm_pool_members 1", "mgm_database_up 1", "mgm_roulette_missed_draws 0"]).await;
    let payout = backend.in_progress("cid", "Cidhero").await;
    scraped(
        &backend,
        &[
            "mgm_pool_members 2",
            r#"mgm_payouts_open{status="Pending"} 0"#,
            r#"mgm_payouts_open{status="InProgress"} 1"#,
            r#"mgm_payout_oldest_open_seconds{status="Pending"} 0"#,
            r#"mgm_gift_requests{state="SelectingItem"} 1"#,
            r#"mgm_gift_requests{state="Unverified"} 0"#,
        ],
    )
    .await;
    helix.status(502).await;
    assert_eq!(backend.change(&payout, "Sent").await.status(), 200);
    scraped(
        &backend,
        &[
            "mgm_pool_members 1",
            r#"mgm_payouts_open{status="InProgress"} 0"#,
            r#"mgm_payouts_moved_total{status="Sent"} 1"#,
            r#"mgm_announcements{state="unknown"} 1"#,
            r#"mgm_announcements{state="pending"} 0"#,
            r#"mgm_announcement_attempts_total{state="unknown"} 1"#,
            r#"mgm_twitch_request_seconds_count{operation="send_chat_message",outcome="502"} 1"#,
        ],
    )
    .await;
    // A cycle long ago was drawn; those that have ended since were not.
    sqlx::query(
        "INSERT INTO roulette_cycles (broadcaster_id, cycle_id, starts_at, drawn_at, deadline)
         VALUES ('dev-broadcaster', gen_random_uuid(), '2020-01-01', '2020-01-01', '2020-01-01')",
    )
    .execute(database.pool())
    .await
    .unwrap();
    scraped(&backend, &["mgm_roulette_missed_draws 12"]).await;
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
}

/// When a worker last completed a round, in seconds of the Unix epoch.
async fn last_success(backend: &Running, worker: &str) -> f64 {
    let text = scraped(backend, &[]).await;
    let name = format!("mgm_worker_last_success_timestamp_seconds{{worker=\"{worker}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(name.as_str()));
    value.unwrap_or_else(|| panic!("{name} is missing in\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn a_notification_of_the_database_is_a_round_of_the_listener() {
    let (backend, _helix, _database) = busy().await;
    let before = last_success(&backend, "announcements-listener").await;
    let payout = backend.in_progress("cid", "Cidhero").await;
    assert_eq!(backend.change(&payout, "Sent").await.status(), 200);
    let later = async {
        while last_success(&backend, "announcements-listener").await <= before {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, later).await.unwrap();
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
}

#[tokio::test]
async fn chat_that_is_not_of_the_channel_is_counted_and_told_once() {
    let (database, helix) = (mgm_test_support::database(&MIGRATOR).await, HelixStandIn::start());
    let further = [
        ("ASPNETCORE_ENVIRONMENT", "Production"),
        ("Mgm__EnableE2eHarness", "false"),
        ("Mgm__DevSkipSubscriberCheck", "false"),
        ("Twitch__BroadcasterUserId", "1337"),
    ];
    let backend = Running::start_with(&database, &helix, &further).await;
    for text in ["!twgold Annhero", "!twgift Annhero", "hello"] {
        assert_eq!(backend.chat("ann", text).await.status(), 200);
        let message = ChatMessageBuilder::by_subscriber(text, "1337", "ann", "ann", text);
        assert_eq!(backend.notify(message.short_body()).await.status(), 200);
    }
    let lines = [
        r#"mgm_eventsub_messages_total{outcome="other_channel"} 3"#,
        r#"mgm_eventsub_messages_total{outcome="no_channel"} 3"#,
        r#"mgm_eventsub_messages_total{outcome="ordinary"} 0"#,
        r#"mgm_eventsub_messages_total{outcome="command"} 0"#,
        "mgm_pool_members 0",
    ];
    scraped(&backend, &lines).await;
    backend.terminate();
    let (status, log) = backend.end().await;
    assert_eq!(status, 0);
    let warnings = log.iter().filter(|line| line.contains("WARN") && line.contains("a chat message was passed over"));
    assert_eq!(warnings.count(), 2, "{log:#?}");
}

/// Name and kind of all metrics in the text, and the labels of their series.
fn exposed(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut exposed = BTreeMap::new();
    let mut current = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            exposed.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
            current = Some(name.to_owned());
        } else if !line.starts_with('#') {
            let (_, labels) = exposed.get_mut(current.as_ref().unwrap()).unwrap();
            let Some((_, written)) = line.split_once('{') else { continue };
            let written = written.rsplit_once('}').unwrap().0;
            let names = written.split("\",").map(|label| label.split_once("=\"").unwrap().0.to_owned());
            labels.extend(names.filter(|name| name != "le"));
        }
    }
    exposed
}

#[tokio::test]
async fn what_is_exposed_is_what_is_catalogued() {
    let (backend, _helix, _database) = busy().await;
    let payout = backend.in_progress("cid", "Cidhero").await;
    assert_eq!(backend.change(&payout, "Sent").await.status(), 200);
    assert_eq!(backend.post("/api/nothing", &json!({})).await.status(), 404);
    let text =
        scraped(&backend, &["mgm_database_up 1", r#"mgm_announcement_attempts_total{state="announced"} 1"#]).await;
    let of_metric = |metric: &Metric| {
        let labels = metric.labels.iter().map(|label| (*label).to_owned()).collect();
        (metric.name.to_owned(), (metric.kind.as_str().to_owned(), labels))
    };
    assert_eq!(exposed(&text), METRICS.iter().map(of_metric).collect());
    for metric in METRICS {
        assert!(text.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
    }
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
}

#[test]
fn the_handbook_lists_every_metric() {
    let handbook = include_str!("../../../../docs/metrics.md");
    let listed: Vec<_> = handbook.lines().filter(|line| line.starts_with("| `mgm_")).collect();
    let row = |metric: &Metric| {
        let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        format!("| `{}` | {} | {labels} | {} |", metric.name, metric.kind.as_str(), metric.help)
    };
    assert_eq!(listed, METRICS.iter().map(row).collect::<Vec<_>>());
}
