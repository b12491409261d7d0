//! Payouts, their streams and announcements, against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "tests: a failure is a failure")]

mod common;

use std::time::Duration;

use common::*;
use mgm_domain::{
    PayoutId, PayoutStatus, Rejection,
    announcement::{AnnouncementState, Delivery, Outcome},
};
use mgm_store::{CommandError, Rebuilt, StoreError};

const LEASE: Duration = Duration::from_secs(30);

fn announced() -> Delivery {
    Delivery::Final(Outcome::Announced { message_id: Some("m".to_owned()), detail: None })
}

fn unknown() -> Delivery {
    Delivery::Final(Outcome::Unknown { reason: "time-out".to_owned() })
}

fn refusal<T: std::fmt::Debug>(result: Result<T, CommandError>) -> Rejection {
    match result.unwrap_err() {
        CommandError::Rejected(refusal) => refusal,
        CommandError::Failed(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn sent_takes_the_winner_out_of_the_pool_and_owes_the_announcement() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.pending("ann").await;
    assert_eq!(pool.announcement(payout).await.unwrap(), None);
    pool.change_payout_status(payout, PayoutStatus::InProgress, NOW).await.unwrap();
    assert_eq!(pool.name_of("ann").await.as_deref(), Some("Anna"));
    pool.change_payout_status(payout, PayoutStatus::Sent, NOW).await.unwrap();
    assert_eq!(pool.name_of("ann").await, None);
    let owed = pool.announcement(payout).await.unwrap().unwrap();
    assert_eq!(owed.state, AnnouncementState::Pending);
    assert_eq!(owed.message, "Награда отправлена персонажу Anna на почту, проверяй ящик!");
}

#[tokio::test]
async fn a_refused_step_changes_nothing() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.pending("ann").await;
    let refused = refusal(pool.change_payout_status(payout, PayoutStatus::Sent, NOW).await);
    assert_eq!(refused, Rejection::TerminalStatusChangeNotAllowed);
    assert_eq!(pool.status(payout).await, PayoutStatus::Pending);
    assert_eq!(refusal(pool.change_payout_status(fresh_payout(), PayoutStatus::Sent, NOW).await), Rejection::NotFound);
}

#[tokio::test]
async fn of_ten_confirmations_at_once_one_sends() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.pending("ann").await;
    pool.change_payout_status(payout, PayoutStatus::InProgress, NOW).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let store = pool.store.clone();
        tasks.spawn(async move { store.change_payout_status(payout, PayoutStatus::Sent, NOW).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(pool.announcements(None, None, 1_000).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_ten_awards_at_once_one_is_made() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let store = pool.store.clone();
        tasks.spawn(async move { store.prepare_payout(&viewer("ann"), fresh_cycle(), fresh_payout(), NOW).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(result), Rejection::ActivePayoutExists);
    }
    assert_eq!(
        refusal(pool.prepare_payout(&viewer("bob"), fresh_cycle(), fresh_payout(), NOW).await),
        Rejection::NotInPool
    );
}

#[tokio::test]
async fn acceptance_is_recorded_once() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.pending("ann").await;
    for _ in 0..2 {
        pool.confirm_acceptance(payout, name("ANNA"), NOW).await.unwrap();
    }
    assert_eq!(refusal(pool.confirm_acceptance(payout, name("Bella"), NOW).await), Rejection::InvalidCharacterName);
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE event_type = 'AcceptanceConfirmed'")
        .fetch_one(pool.database.pool())
        .await
        .unwrap();
    assert_eq!(events, 1);
}

#[tokio::test]
async fn payouts_are_listed_oldest_first_and_the_newest_is_the_viewers_last() {
    let pool = fixture().await;
    let mut ids = vec![];
    for (n, who) in ["ann", "bob", "cid"].into_iter().enumerate() {
        pool.enrolled(who, nth_name(n).as_str()).await;
        let id = fresh_payout();
        let at = NOW - seconds(i64::try_from(n).unwrap());
        pool.prepare_payout(&viewer(who), fresh_cycle(), id, at).await.unwrap();
        ids.insert(0, id);
    }
    let listed: Vec<PayoutId> = pool
        .payouts_with_status(PayoutStatus::Pending, None, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|payout| payout.id)
        .collect();
    assert_eq!(listed, ids);
    pool.change_payout_status(ids[2], PayoutStatus::Cancelled, NOW).await.unwrap();
    let again = fresh_payout();
    pool.prepare_payout(&viewer("ann"), fresh_cycle(), again, NOW + seconds(1)).await.unwrap();
    assert_eq!(pool.newest_payout(&viewer("ann")).await.unwrap().unwrap().id, again);
    assert_eq!(pool.newest_payout(&viewer("nobody")).await.unwrap(), None);
}

#[tokio::test]
async fn stale_payouts_expire_once_in_many_processes() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    pool.enrolled("bob", "Boris").await;
    let stale = pool.pending("ann").await;
    let young = fresh_payout();
    pool.prepare_payout(&viewer("bob"), fresh_cycle(), young, NOW + seconds(1)).await.unwrap();
    let now = NOW + seconds(86_400);
    let mut sweeps = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = pool.store.clone();
        sweeps.spawn(async move { store.expire_payouts(NOW, now).await.unwrap().complete().unwrap() });
    }
    sweeps.join_all().await;
    assert_eq!(pool.status(stale).await, PayoutStatus::Expired);
    assert_eq!(pool.status(young).await, PayoutStatus::Pending);
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE event_type = 'Expired'")
        .fetch_one(pool.database.pool())
        .await
        .unwrap();
    assert_eq!(events, 1);
}

#[tokio::test]
async fn an_announcement_is_claimed_by_one_and_settled_once() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.sent("ann").await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = pool.store.clone();
        let due = NOW + seconds(60);
        tasks.spawn(async move {
            if n % 2 == 0 {
                store.claim_announcement(payout, NOW, LEASE).await.unwrap()
            } else {
                store.claim_due_announcement(due, LEASE).await.unwrap()
            }
        });
    }
    let claimed: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 1);
    let settled = pool.settle_announcement(&claimed[0], announced(), NOW, 0.5).await.unwrap();
    assert_eq!(settled, AnnouncementState::Announced);
    assert!(pool.payout(payout).await.unwrap().unwrap().announced);
    assert_eq!(pool.claim_announcement(payout, NOW, LEASE).await.unwrap(), None);
}

#[tokio::test]
async fn an_announcement_is_left_to_the_request_that_made_it_until_it_is_due() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    pool.sent("ann").await;
    assert_eq!(pool.claim_due_announcement(NOW, LEASE).await.unwrap(), None);
    assert!(pool.claim_due_announcement(NOW + seconds(5), LEASE).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_certainly_not_said_is_tried_again_later() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.sent("ann").await;
    let claimed = pool.claim_announcement(payout, NOW, LEASE).await.unwrap().unwrap();
    let retry = Delivery::Retry { reason: "refused".to_owned(), not_before: None, may_have_been_said: false };
    assert_eq!(pool.settle_announcement(&claimed, retry, NOW, 0.0).await.unwrap(), AnnouncementState::Pending);
    let waiting = pool.announcement(payout).await.unwrap().unwrap();
    assert_eq!(waiting.detail.as_deref(), Some("refused"));
    assert_eq!(waiting.next_attempt_at, Some(NOW + seconds(2)));
    assert_eq!(pool.claim_due_announcement(NOW + seconds(1), LEASE).await.unwrap(), None);
    let again = pool.claim_due_announcement(NOW + seconds(2), LEASE).await.unwrap().unwrap();
    assert_eq!((again.attempt, again.may_have_been_said), (2, false));
    let payout = pool.payout(payout).await.unwrap().unwrap();
    assert!(!payout.announced);
}

#[tokio::test]
async fn a_claim_whose_process_is_gone_becomes_unknown_and_is_the_operators() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.sent("ann").await;
    let late = pool.claim_announcement(payout, NOW, LEASE).await.unwrap().unwrap();
    for (after, expected) in [(29, 0), (30, 1), (30, 0)] {
        let expired = pool.expire_leases(NOW + seconds(after)).await.unwrap();
        assert_eq!(expired.complete().unwrap(), expected);
    }
    assert_eq!(pool.announcements(Some(AnnouncementState::Unknown), None, 1_000).await.unwrap().len(), 1);
    // It is not sent again automatically, and the late outcome is not accepted.
    assert_eq!(pool.claim_due_announcement(NOW + seconds(9_999), LEASE).await.unwrap(), None);
    pool.retry_announcement(payout, NOW).await.unwrap();
    let ours = pool.claim_announcement(payout, NOW, LEASE).await.unwrap().unwrap();
    assert_eq!((ours.attempt, ours.may_have_been_said), (1, true));
    assert_eq!(pool.settle_announcement(&late, announced(), NOW, 0.0).await.unwrap(), AnnouncementState::Sending);
    assert_eq!(pool.settle_announcement(&ours, unknown(), NOW, 0.0).await.unwrap(), AnnouncementState::Unknown);
    pool.resolve_announcement(payout, true, NOW).await.unwrap();
    assert!(pool.payout(payout).await.unwrap().unwrap().announced);
    assert_eq!(refusal(pool.retry_announcement(payout, NOW).await), Rejection::InvalidState);
    assert_eq!(refusal(pool.resolve_announcement(payout, false, NOW).await), Rejection::InvalidState);
}

#[tokio::test]
async fn projections_rebuilt_from_the_events_are_the_same_rows() {
    let pool = fixture().await;
    for (n, who) in ["ann", "bob", "cid"].into_iter().enumerate() {
        pool.enrolled(who, nth_name(n).as_str()).await;
    }
    let sent = pool.sent("ann").await;
    let claimed = pool.claim_announcement(sent, NOW, LEASE).await.unwrap().unwrap();
    pool.settle_announcement(&claimed, announced(), NOW, 0.0).await.unwrap();
    let failed = pool.pending("bob").await;
    pool.change_payout_status(failed, PayoutStatus::Failed, NOW).await.unwrap();
    let accepted = pool.pending("cid").await;
    pool.confirm_acceptance(accepted, nth_name(2), NOW).await.unwrap();
    let rows = async || -> Vec<String> {
        sqlx::query_scalar("SELECT to_jsonb(payouts)::text FROM payouts ORDER BY payout_id")
            .fetch_all(pool.database.pool())
            .await
            .unwrap()
    };
    let before = rows().await;
    assert_eq!(pool.rebuild_projections().await.unwrap(), Rebuilt { streams: 3, ..Rebuilt::default() });
    sqlx::query("DELETE FROM payouts WHERE payout_id = $1")
        .bind(sent.as_uuid())
        .execute(pool.database.pool())
        .await
        .unwrap();
    sqlx::query("UPDATE payouts SET status = 'Sent' WHERE payout_id = $1")
        .bind(failed.as_uuid())
        .execute(pool.database.pool())
        .await
        .unwrap();
    let rebuilt = pool.rebuild_projections().await.unwrap();
    let mut expected = vec![sent.as_uuid(), failed.as_uuid()];
    expected.sort();
    assert_eq!(rebuilt.differed.iter().map(|one| one.id).collect::<Vec<_>>(), expected);
    assert_eq!(rebuilt.left, []);
    assert_eq!(rows().await, before);
}

#[tokio::test]
async fn an_event_that_is_not_known_is_an_error_that_names_it() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.pending("ann").await;
    sqlx::query("UPDATE events SET schema_version = 7").execute(pool.database.pool()).await.unwrap();
    let error = pool.change_payout_status(payout, PayoutStatus::InProgress, NOW).await.unwrap_err().to_string();
    assert!(error.contains(&payout.to_string()) && error.contains("version 7"), "{error}");
}

#[tokio::test]
async fn a_stream_that_the_rules_do_not_know_is_an_error_everywhere_and_its_row_is_left_alone() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let sent = pool.sent("ann").await;
    // Taken literally, this would make the payout active again.
    sqlx::query(
        "INSERT INTO events SELECT broadcaster_id, stream_id, 4, kind, event_type, schema_version, data, recorded_at
         FROM events WHERE event_type = 'Started'",
    )
    .execute(pool.database.pool())
    .await
    .unwrap();
    let row = async || -> String {
        let row = sqlx::query_scalar("SELECT to_jsonb(payouts)::text FROM payouts");
        row.fetch_one(pool.database.pool()).await.unwrap()
    };
    let before = row().await;
    let expected =
        format!("stream {sent}, version 4: Started cannot follow where the payout is Sent, its announcement pending");
    let moved = pool.change_payout_status(sent, PayoutStatus::Cancelled, NOW).await.unwrap_err();
    assert!(matches!(moved, CommandError::Failed(StoreError::ImpossibleEvent { .. })), "{moved:?}");
    assert_eq!(moved.to_string(), expected);
    let rebuilt = pool.rebuild_projections().await.unwrap();
    assert_eq!(rebuilt.left, rebuilt.differed);
    assert_eq!(
        rebuilt.left.iter().map(|one| (one.id, &*one.what)).collect::<Vec<_>>(),
        [(sent.as_uuid(), &[expected.clone()][..])]
    );
    let findings = pool.audit(NOW).await.unwrap().findings;
    let findings: Vec<_> = findings.iter().map(|one| (one.code, &*one.subject, &*one.detail)).collect();
    assert_eq!(findings, [("event_impossible", &*sent.to_string(), &*expected)]);
    assert_eq!(row().await, before);
}

/// Copies of this payout for as many other viewers, with the same age.
async fn multiply(pool: &Fixture, payout: PayoutId, times: u32) {
    let statements = [
        "CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
         SELECT gen_random_uuid() AS id, 'viewer-' || n AS viewer, 'spin:' || md5(n::text) AS spin
         FROM generate_series(1, $2) AS n",
        "INSERT INTO events
         SELECT broadcaster_id, id, version, kind, event_type, schema_version,
                CASE version WHEN 1 THEN data || jsonb_build_object('viewer', viewer, 'enrollmentRequestId', spin)
                             ELSE data END, recorded_at
         FROM events, copies WHERE stream_id = $1",
        "INSERT INTO payouts
         SELECT broadcaster_id, id, version, viewer, display_name, character_name, gold, spin, status, announced,
                created_at, accepted_at
         FROM payouts, copies WHERE payout_id = $1",
        "INSERT INTO announcements
         SELECT broadcaster_id, id, message, state, attempts, attempts_before_retry, due_at, detail, created_at, updated_at
         FROM announcements, copies WHERE payout_id = $1",
    ]
    .join(";")
    .replace("$1", &format!("'{payout}'"))
    .replace("$2", &times.to_string());
    let statements = format!("BEGIN; {statements}; COMMIT");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(pool.database.pool()).await.unwrap();
}

#[tokio::test]
async fn a_sweep_takes_all_that_is_due_and_passes_over_what_it_cannot_read() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.pending("ann").await;
    multiply(&pool, payout, 1_050).await;
    assert_eq!(pool.audit(NOW).await.unwrap().findings, []);
    // The first one that the sweep finds.
    let first: uuid::Uuid = sqlx::query_scalar(
        "INSERT INTO events
         SELECT broadcaster_id, stream_id, 2, kind, 'Returned', schema_version, '{\"at\": \"2026-01-02T03:04:05Z\"}', recorded_at
         FROM events ORDER BY stream_id LIMIT 1 RETURNING stream_id",
    )
    .fetch_one(pool.database.pool())
    .await
    .unwrap();
    let swept = pool.expire_payouts(NOW, NOW + seconds(86_400)).await.unwrap();
    assert_eq!(swept.done, 1_050);
    let trouble = swept.complete().unwrap_err().to_string();
    assert!(trouble.contains(&first.to_string()), "{trouble}");
    let left = pool.payouts_with_status(PayoutStatus::Pending, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|payout| payout.id.as_uuid()).collect::<Vec<_>>(), [first]);
}

#[tokio::test]
async fn no_announcement_is_invisible_and_none_in_the_way_of_the_others() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let payout = pool.sent("ann").await;
    pool.claim_announcement(payout, NOW, LEASE).await.unwrap().unwrap();
    multiply(&pool, payout, 1_050).await;
    for state in [None, Some(AnnouncementState::Sending)] {
        let (mut listed, mut after) = (std::collections::BTreeSet::new(), None);
        loop {
            let page = pool.announcements(state, after.as_ref(), 400).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.iter().all(|one| listed.insert(one.payout)));
            after = Some(last.clone());
        }
        assert_eq!(listed.len(), 1_051, "{state:?}");
    }
    sqlx::query("UPDATE events SET event_type = 'Started' WHERE stream_id = $1 AND version = 3")
        .bind(payout.as_uuid())
        .execute(pool.database.pool())
        .await
        .unwrap();
    let expired = pool.expire_leases(NOW + seconds(30)).await.unwrap();
    assert_eq!(expired.done, 1_050);
    assert!(
        matches!(expired.complete(), Err(StoreError::ImpossibleEvent { stream, .. }) if stream == payout.as_uuid())
    );
}
