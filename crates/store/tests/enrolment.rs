//! The pool, against a real PostgreSQL.

mod common;

use common::*;
use mgm_domain::{PayoutStatus, Rejection};
use mgm_store::EnrolmentOutcome::{AlreadyProcessed, Enrolled, Refused, Repeated};

#[tokio::test]
async fn a_second_enrolment_replaces_the_name_and_frees_the_old_one() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    pool.enrolled("ann", "Bella").await;
    assert_eq!(pool.name_of("ann").await.as_deref(), Some("Bella"));
    pool.enrolled("bob", "ANNA").await;
    assert_eq!(pool.pool_size().await.unwrap(), 2);
}

#[tokio::test]
async fn a_taken_name_stays_with_its_holder() {
    let pool = fixture().await;
    pool.enrolled("ann", "Ёжик").await;
    assert_eq!(pool.enrol_one(chat("bob", "ЁЖИК")).await, Refused(Rejection::CharacterNameTakenInPool));
    assert_eq!(pool.name_of("bob").await, None);
    assert_eq!(pool.pool_size().await.unwrap(), 1);
}

#[tokio::test]
async fn a_chat_message_is_processed_once_whatever_became_of_it() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    assert_eq!(pool.enrol_one(chat_as("m1", "bob", "Anna")).await, Refused(Rejection::CharacterNameTakenInPool));
    pool.enrolled("ann", "Bella").await;
    assert_eq!(pool.enrol_one(chat_as("m1", "bob", "Anna")).await, AlreadyProcessed);
    assert_eq!(pool.name_of("bob").await, None);
    assert_eq!(pool.prune_inbox(NOW).await.unwrap(), 0);
    assert_eq!(pool.prune_inbox(NOW + seconds(1)).await.unwrap(), 3);
    assert_eq!(pool.enrol_one(chat_as("m1", "bob", "Anna")).await, Enrolled);
}

#[tokio::test]
async fn a_batch_is_decided_in_its_order() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    pool.enrolled("bob", "Boris").await;
    let outcomes = pool
        .enrol(&[
            chat_as("m1", "ann", "Clara"),
            chat_as("m2", "bob", "anna"),
            chat_as("m3", "cid", "Boris"),
            chat_as("m4", "dan", "CLARA"),
            chat_as("m1", "eve", "Eve"),
            claim("r1", "fay", "Fay"),
            claim("r1", "fay", "Gina"),
            claim("r1", "gus", "Gustav"),
        ])
        .await
        .unwrap();
    assert_eq!(
        outcomes,
        [
            Enrolled,
            Enrolled,
            Enrolled,
            Refused(Rejection::CharacterNameTakenInPool),
            AlreadyProcessed,
            Enrolled,
            Repeated { character_name: name("Fay") },
            Refused(Rejection::DuplicateEnrollment),
        ]
    );
    for (who, held) in
        [("ann", Some("Clara")), ("bob", Some("anna")), ("cid", Some("Boris")), ("dan", None), ("eve", None)]
    {
        assert_eq!(pool.name_of(who).await.as_deref(), held, "{who}");
    }
    assert_eq!(pool.pool_size().await.unwrap(), 4);
}

#[tokio::test]
async fn a_repeated_claim_is_answered_before_any_other_conflict() {
    let pool = fixture().await;
    assert_eq!(pool.enrol_one(claim("r1", "ann", "Anna")).await, Enrolled);
    pool.pending("ann").await;
    assert_eq!(pool.enrol_one(claim("r1", "ann", "Bella")).await, Repeated { character_name: name("Anna") });
    assert_eq!(pool.enrol_one(claim("r2", "ann", "Bella")).await, Refused(Rejection::ActivePayoutExists));
    assert_eq!(pool.enrol_one(claim("r1", "bob", "Boris")).await, Refused(Rejection::DuplicateEnrollment));
}

#[tokio::test]
async fn an_active_payout_and_the_cap_keep_a_viewer_from_enrolling() {
    let pool = fixture().await;
    for round in 0..10 {
        pool.enrolled("ann", "Anna").await;
        let payout = pool.pending("ann").await;
        assert_eq!(pool.enrol_one(chat("ann", "Bella")).await, Refused(Rejection::ActivePayoutExists));
        assert_eq!(pool.name_of("ann").await.as_deref(), Some("Anna"), "winning keeps the viewer in, round {round}");
        pool.change_payout_status(payout, PayoutStatus::InProgress, NOW).await.unwrap();
        pool.change_payout_status(payout, PayoutStatus::Sent, NOW).await.unwrap();
        assert_eq!(pool.name_of("ann").await, None);
    }
    assert_eq!(pool.enrol_one(chat("ann", "Anna")).await, Refused(Rejection::LifetimeCapReached));
    assert_eq!(pool.pool_size().await.unwrap(), 0);
}

#[tokio::test]
async fn sixty_enrolments_at_once_are_all_there() {
    let pool = fixture().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..60 {
        let store = pool.store.clone();
        tasks.spawn(async move { store.enrol(&[chat(&format!("v{n}"), nth_name(n).as_str())]).await.unwrap() });
    }
    for outcomes in tasks.join_all().await {
        assert_eq!(outcomes, [Enrolled]);
    }
    assert_eq!(pool.pool_size().await.unwrap(), 60);
}

#[tokio::test]
async fn one_name_asked_for_by_twenty_at_once_has_one_holder() {
    let pool = fixture().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let store = pool.store.clone();
        tasks.spawn(async move { store.enrol(&[chat(&format!("v{n}"), "Anna")]).await.unwrap().remove(0) });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Enrolled).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Refused(Rejection::CharacterNameTakenInPool)).count(), 19);
    assert_eq!(pool.pool_size().await.unwrap(), 1);
}

#[tokio::test]
async fn batches_that_swap_names_in_two_processes_settle_without_loss() {
    let pool = fixture().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40_usize {
        let store = pool.store.clone();
        tasks.spawn(async move {
            let mut batch: Vec<_> =
                (0..8).map(|k| chat(&format!("v{}", (n + k) % 10), nth_name((n * k) % 12).as_str())).collect();
            if n % 2 == 0 {
                batch.reverse();
            }
            store.enrol(&batch).await.unwrap()
        });
    }
    tasks.join_all().await;
    let (members, counted): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM pool_members),
                (SELECT sum(kept) FROM pool_counts, unnest(pool_counts.members) AS bucket (kept))",
    )
    .fetch_one(pool.database.pool())
    .await
    .unwrap();
    assert_eq!(members, counted);
    assert!(members <= 10);
}

#[tokio::test]
async fn a_session_keeps_its_connection_until_a_pause_and_takes_another_when_it_ends() {
    let pool = fixture().await;
    let session = pool.enrolment_session();
    for (viewer, name) in [("ann", "Anna"), ("bob", "Boris")] {
        assert_eq!(session.enrol(&[chat(viewer, name)]).await.unwrap(), [Enrolled]);
        assert_eq!(pool.connections(), (1, 0));
    }
    session.pause();
    let given_back = async {
        while pool.connections() != (0, 1) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), given_back).await.unwrap();

    session.enrol(&[chat("cid", "Clara")]).await.unwrap();
    assert_ne!(pool.database.terminate_sessions().await, 0);
    assert_eq!(session.enrol(&[chat("dan", "Daniel")]).await.unwrap(), [Enrolled]);
    assert_eq!(pool.pool_size().await.unwrap(), 4);
}
