//! The audit finds everything that can be wrong, and reports nothing if all is well.

#![expect(clippy::unwrap_used, reason = "tests: a failure is a failure")]

mod common;

use std::collections::BTreeSet;

use common::{Fixture, NOW, fixture, fresh_cycle, nth_name, seconds, viewer};
use mgm_domain::{
    PayoutId, PayoutStatus,
    announcement::{Delivery, Outcome},
    roulette::Schedule,
};
use mgm_store::{DrawOutcome, Verification};
use rand::{SeedableRng, rngs::StdRng};
use sqlx::AssertSqlSafe;

/// Some of everything: payouts in several states, announcements, a cycle with a winner, waiting members.
async fn played() -> Fixture {
    let pool = fixture().await;
    for (n, who) in ["ann", "bob", "cid", "dan", "eve"].into_iter().enumerate() {
        pool.enrolled(who, nth_name(n).as_str()).await;
    }
    let announced = pool.sent("ann").await;
    let claimed = pool.claim_announcement(announced, NOW, std::time::Duration::from_secs(30)).await.unwrap().unwrap();
    let outcome = Delivery::Final(Outcome::Announced { message_id: None, detail: None });
    pool.settle_announcement(&claimed, outcome, NOW, 0.0).await.unwrap();
    let failed = pool.pending("bob").await;
    pool.change_payout_status(failed, PayoutStatus::Failed, NOW).await.unwrap();
    // Enrolled again after a payout.
    pool.enrolled("ann", nth_name(0).as_str()).await;
    let drawn = pool.draw(Schedule::DEFAULT, NOW + seconds(240), &mut StdRng::from_seed([1; 32])).await.unwrap();
    let DrawOutcome::Drawn(cycle, Some(candidate)) = drawn else { panic!("{drawn:?}") };
    let verification = Verification {
        cycle,
        character_name: candidate.character_name,
        online: true,
        payout: PayoutId::from_uuid(fresh_cycle().as_uuid()),
    };
    let won = pool.verify_candidate(&verification, NOW + seconds(270)).await.unwrap().unwrap();
    pool.change_payout_status(won, PayoutStatus::InProgress, NOW + seconds(271)).await.unwrap();
    pool.change_payout_status(won, PayoutStatus::Sent, NOW + seconds(272)).await.unwrap();
    pool
}

impl Fixture {
    async fn execute(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(self.database.pool()).await.unwrap();
    }

    async fn found(&self) -> BTreeSet<&'static str> {
        let audit = self.audit(NOW + seconds(3_600)).await.unwrap();
        audit.findings.into_iter().map(|finding| finding.code).collect()
    }
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is_wrong() {
    let pool = played().await;
    let audit = pool.audit(NOW + seconds(300)).await.unwrap();
    assert_eq!(audit.findings, []);
    assert_eq!((audit.payouts, audit.announcements, audit.members, audit.cycles), (3, 2, 4, 1));
}

#[tokio::test]
async fn each_thing_that_is_broken_is_found() {
    let mut wrong = vec![];
    for (breakage, expected) in [
        ("DELETE FROM events WHERE event_type = 'Started'", &["stream_gap", "event_impossible"][..]),
        ("DELETE FROM events WHERE version = 1", &["stream_gap", "event_impossible"]),
        ("UPDATE events SET kind = 'gift' WHERE event_type = 'Failed'", &["stream_of_two_kinds", "event_unreadable", "projection_differs"]),
        ("UPDATE events SET schema_version = 2 WHERE event_type = 'Sent'", &["event_unreadable"]),
        ("UPDATE events SET event_type = 'Expired' WHERE event_type = 'Failed'", &["projection_differs"]),
        ("UPDATE events SET event_type = 'Sent' WHERE event_type = 'Failed'", &["event_impossible"]),
        ("UPDATE payouts SET accepted_at = now() WHERE status = 'Failed'", &["projection_differs"]),
        ("UPDATE payouts SET announced = NOT announced", &["projection_differs"]),
        ("DELETE FROM payouts WHERE status = 'Failed'", &["projection_differs"]),
        ("DELETE FROM events WHERE stream_id IN (SELECT payout_id FROM payouts WHERE status = 'Failed')", &["projection_differs"]),
        ("DELETE FROM announcements WHERE state = 'announced'", &["announcement_missing"]),
        ("UPDATE announcements SET state = 'failed' WHERE state = 'announced'", &["announcement_differs"]),
        ("UPDATE announcements SET message = 'x'", &["announcement_differs"]),
        (
            "INSERT INTO announcements SELECT broadcaster_id, payout_id, 'x', 'pending', 0, 0, now(), NULL, now(), now()
             FROM payouts WHERE status = 'Failed'",
            &["announcement_without_sent_payout"],
        ),
        (
            "INSERT INTO announcements VALUES ('streamer', gen_random_uuid(), 'x', 'pending', 0, 0, now(), NULL, now(), now())",
            &["announcement_without_sent_payout"],
        ),
        (
            "UPDATE announcements SET state = 'sending', due_at = '2026-01-02 03:06:00Z' WHERE state = 'pending'",
            &["announcement_past_its_lease"],
        ),
        ("UPDATE payouts SET gold = 10001 WHERE status = 'Sent'", &["lifetime_cap_exceeded", "projection_differs"]),
        (
            "DROP INDEX payouts_one_active_a_viewer;
             UPDATE payouts SET status = 'Pending', viewer_id = 'zoe' WHERE status = 'Sent'",
            &["several_active_payouts", "projection_differs", "cycle_with_a_strange_payout"],
        ),
        ("UPDATE roulette_cycles SET payout_id = gen_random_uuid()", &["cycle_without_its_payout", "payout_of_a_strange_cycle"]),
        ("UPDATE roulette_cycles SET payout_id = NULL", &["payout_of_a_strange_cycle"]),
        ("UPDATE roulette_cycles SET candidate_viewer_id = 'zoe'", &["cycle_with_a_strange_payout"]),
        ("UPDATE pool_counts SET members[7] = members[7] + 1", &["pool_count_differs"]),
        ("DELETE FROM pool_counts", &["pool_count_differs"]),
        ("UPDATE pool_members SET name_key = name_key || 'x'", &["pool_name_differs"]),
        ("UPDATE pool_members SET enrolled_at = '2026-01-01 00:00:00Z'", &["winner_in_the_pool"]),
    ] {
        let pool = played().await;
        pool.execute(breakage).await;
        let found = pool.found().await;
        if found != expected.iter().copied().collect() {
            wrong.push(format!("{breakage}: {found:?}"));
        }
    }
    assert_eq!(wrong, [] as [&str; 0]);
}

#[tokio::test]
async fn another_broadcasters_rows_are_none_of_ours() {
    let pool = played().await;
    pool.execute("INSERT INTO announcements VALUES ('other', gen_random_uuid(), 'x', 'pending', 0, 0, now(), NULL, now(), now())")
        .await;
    assert_eq!(pool.found().await, BTreeSet::new());
}

#[tokio::test]
async fn rows_that_stand_in_each_others_way_are_rebuilt_too() {
    let pool = played().await;
    let waiting = pool.pending("bob").await;
    // A row without events takes the place of bob's active payout.
    pool.execute(&format!(
        "DELETE FROM payouts WHERE payout_id = '{waiting}';
         INSERT INTO payouts VALUES ('streamer', 'ffffffff-ffff-4fff-bfff-ffffffffffff', 1, 'bob', 'BOB', 'Bobhero', 1000,
                                     'spin:x', 'Pending', false, now(), NULL)"
    ))
    .await;
    let rebuilt = pool.rebuild_projections().await.unwrap();
    assert_eq!((rebuilt.differed.len(), rebuilt.left.len()), (2, 0), "{rebuilt:?}");
    assert_eq!(pool.found().await, BTreeSet::new());
    assert_eq!(pool.status(waiting).await, PayoutStatus::Pending);
}

#[tokio::test]
async fn a_history_is_what_is_written() {
    let pool = played().await;
    let payout = pool.newest_payout(&viewer("bob")).await.unwrap().unwrap().id;
    pool.execute("UPDATE events SET schema_version = 9").await;
    let history = pool.payout_history(payout).await.unwrap();
    let shown: Vec<_> = history.iter().map(|event| (event.version, event.event_type.as_str())).collect();
    assert_eq!(shown, [(1, "Awarded"), (2, "Failed")]);
    assert_eq!(pool.payout_history(PayoutId::from_uuid(fresh_cycle().as_uuid())).await.unwrap(), []);
}

/// Every table can be distributed by broadcaster, and no sequence is shared.
#[tokio::test]
async fn every_unique_key_begins_with_the_broadcaster_and_there_is_no_sequence() {
    let pool = fixture().await;
    let keys: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT indexed.relname, index.relname, attname
         FROM pg_index
         JOIN pg_class AS index ON index.oid = indexrelid
         JOIN pg_class AS indexed ON indexed.oid = indrelid
         JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
         WHERE indexed.relnamespace = 'public'::regnamespace AND indexed.relname <> '_sqlx_migrations'",
    )
    .fetch_all(pool.database.pool())
    .await
    .unwrap();
    assert!(keys.len() > 10, "{keys:?}");
    for (table, index, first) in keys {
        assert_eq!(first, "broadcaster_id", "{index} of {table}");
    }
    let without_key: Vec<String> = sqlx::query_scalar(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
         AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)",
    )
    .fetch_all(pool.database.pool())
    .await
    .unwrap();
    assert_eq!(without_key, [] as [&str; 0]);
    let sequences: Vec<String> = sqlx::query_scalar("SELECT relname FROM pg_class WHERE relkind = 'S'")
        .fetch_all(pool.database.pool())
        .await
        .unwrap();
    assert_eq!(sequences, [] as [&str; 0]);
}
