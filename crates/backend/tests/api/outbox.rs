//! The announcements' worker is woken by the database, and also polls without notifications.

use mgm_store::MIGRATOR;
use mgm_test_support::{TestDatabase, until};

use crate::{helix::HelixStandIn, program::Running};

/// Longer than any test.
const HOURLY: (&str, &str) = ("Announcements__PollSeconds", "3600");

async fn execute(database: &TestDatabase, statement: &'static str) {
    sqlx::raw_sql(statement).execute(database.pool()).await.unwrap();
}

async fn announced(database: &TestDatabase, count: i64) {
    let query = "SELECT count(*) FROM announcements WHERE state = 'announced'";
    let found = async || sqlx::query_scalar::<_, i64>(query).fetch_one(database.pool()).await.unwrap();
    until("it is announced", async || found().await == count).await;
}

async fn listens(database: &TestDatabase) {
    let query = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'";
    let found = async || sqlx::query_scalar::<_, i64>(query).fetch_one(database.pool()).await.unwrap();
    until("it listens", async || found().await == 1).await;
}

/// A sent payout, whose announcement Helix has postponed.
async fn put_off(backend: &Running, helix: &HelixStandIn, user: &str, name: &str) {
    let payout = backend.in_progress(user, name).await;
    helix.status(503).await;
    assert_eq!(backend.change(&payout, "Sent").await.status(), 200);
}

#[tokio::test]
async fn what_becomes_due_is_sent_without_waiting_for_the_next_look() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start_with(&database, &helix, &[HOURLY]).await;
    listens(&database).await;
    put_off(&backend, &helix, "ann", "Annhero").await;
    announced(&database, 1).await;
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
}

#[tokio::test]
async fn what_another_process_leaves_is_taken_up() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let other = Running::start_with(&database, &helix, &[HOURLY]).await;
    let backend = Running::start_with(&database, &helix, &[HOURLY]).await;
    put_off(&backend, &helix, "ann", "Annhero").await;
    backend.kill().await;
    announced(&database, 1).await;
    assert_eq!(helix.messages().await.len(), 2);
    other.terminate();
    assert_eq!(other.end().await.0, 0);
}

#[tokio::test]
async fn nothing_is_missed_when_the_connection_that_listens_is_lost() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start_with(&database, &helix, &[HOURLY]).await;
    put_off(&backend, &helix, "ann", "Annhero").await;
    execute(&database, "UPDATE announcements SET due_at = now() + interval '1 day'").await;
    listens(&database).await;
    // This sends no notification, and nobody would receive it.
    database.terminate_sessions().await;
    execute(&database, "UPDATE announcements SET due_at = now()").await;
    announced(&database, 1).await;
    listens(&database).await;
    put_off(&backend, &helix, "bob", "Bobhero").await;
    announced(&database, 2).await;
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
}

#[tokio::test]
async fn without_being_told_it_looks_by_itself() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start_with(&database, &helix, &[("Announcements__PollSeconds", "1")]).await;
    put_off(&backend, &helix, "ann", "Annhero").await;
    execute(&database, "UPDATE announcements SET due_at = now() + interval '1 day'").await;
    listens(&database).await;
    execute(&database, "UPDATE announcements SET due_at = now()").await;
    announced(&database, 1).await;
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
}
