//! The number of database statements per request.

use std::sync::{Arc, Mutex};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    subscriber::set_default,
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _};

use crate::app::TestApp;

/// The statements that are run, by their first words. `BEGIN` is not among them: sqlx does not log it.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Statements {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            self.0.lock().unwrap().push(value.trim_end_matches(" …").to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// The cost of `PATCH Sent`, including the announcement. The test runs on one thread, as does everything that it
/// observes.
#[tokio::test]
async fn sent_is_committed_announced_and_answered_without_reading_anything_again() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Annhero").await;
    let payout = app.pending("ann").await;
    app.change(&payout, "InProgress").await.ok();
    let statements = Statements::default();
    let heard = set_default(tracing_subscriber::registry().with(statements.clone()));
    let sent = app.change(&payout, "Sent").await.ok();
    drop(heard);
    assert_eq!(sent["isRewardSentAnnouncedToChat"], true);
    insta::assert_snapshot!(statements.0.lock().unwrap().join("\n"), @"
    WITH winner AS (
    SELECT version, event_type, schema_version,
    INSERT INTO events (broadcaster_id,
    INSERT INTO payouts (broadcaster_id,
    WITH left_behind AS (
    WITH owed AS (
    COMMIT
    UPDATE announcements SET state
    WITH winner AS (
    SELECT version, event_type, schema_version,
    INSERT INTO events (broadcaster_id,
    INSERT INTO payouts (broadcaster_id,
    WITH written AS (
    COMMIT
    ");
    app.finish().await;
}
