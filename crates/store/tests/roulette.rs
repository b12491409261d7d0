//! The roulette, against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "tests: a failure is a failure")]

mod common;

use std::collections::HashMap;

use common::*;
use mgm_domain::{
    BroadcasterId, PayoutId, PayoutStatus, Rejection,
    roulette::{Cycle, Decision, Schedule, cycle_id},
};
use mgm_store::{CommandError, DrawOutcome, Verification};
use rand::{SeedableRng, rngs::StdRng};
use time::OffsetDateTime;

const SCHEDULE: Schedule = Schedule::DEFAULT;

fn at(second: i64) -> OffsetDateTime {
    NOW + seconds(second)
}

async fn drawn(pool: &Fixture, now: OffsetDateTime, seed: u64) -> Cycle {
    let outcome = pool.draw(SCHEDULE, now, &mut StdRng::seed_from_u64(seed)).await.unwrap();
    let DrawOutcome::Drawn(id, _) = outcome else { panic!("{outcome:?}") };
    pool.cycle(id).await.unwrap().unwrap()
}

fn found(cycle: &Cycle, character: &str, online: bool) -> Verification {
    Verification { cycle: cycle.id, character_name: name(character), online, payout: fresh_payout() }
}

async fn refusal(pool: &Fixture, verification: &Verification, now: OffsetDateTime) -> Rejection {
    match pool.verify_candidate(verification, now).await.unwrap_err() {
        CommandError::Rejected(refusal) => refusal,
        CommandError::Failed(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_cycle_is_drawn_once_when_it_is_due() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let mut rng = StdRng::seed_from_u64(0);
    assert_eq!(pool.draw(SCHEDULE, at(239), &mut rng).await.unwrap(), DrawOutcome::NotDue);
    let cycle = drawn(&pool, at(240), 0).await;
    assert_eq!(cycle.id, cycle_id(&BroadcasterId::parse("streamer").unwrap(), at(0)));
    assert_eq!(cycle.deadline, at(330));
    assert_eq!(cycle.candidate.as_ref().unwrap().character_name, name("Anna"));
    assert_eq!(pool.draw(SCHEDULE, at(299), &mut rng).await.unwrap(), DrawOutcome::AlreadyDrawn);
    assert_eq!(pool.undecided_cycle(at(330)).await.unwrap(), Some(cycle));
    assert_eq!(pool.undecided_cycle(at(331)).await.unwrap(), None);
}

#[tokio::test]
async fn an_empty_pool_is_drawn_without_a_candidate_and_not_again() {
    let pool = fixture().await;
    assert_eq!(drawn(&pool, at(240), 0).await.candidate, None);
    pool.enrolled("ann", "Anna").await;
    let again = pool.draw(SCHEDULE, at(250), &mut StdRng::seed_from_u64(0)).await.unwrap();
    assert_eq!(again, DrawOutcome::AlreadyDrawn);
}

#[tokio::test]
async fn of_many_processes_that_draw_one_does() {
    let pool = fixture().await;
    for n in 0..20 {
        pool.enrolled(&format!("v{n}"), nth_name(n).as_str()).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..8 {
        let store = pool.store.clone();
        tasks.spawn(async move { store.draw(SCHEDULE, at(240), &mut StdRng::seed_from_u64(seed)).await.unwrap() });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, DrawOutcome::Drawn(..))).count(), 1);
}

#[tokio::test]
async fn everyone_who_can_win_is_drawn_equally_often_and_nobody_else() {
    let pool = fixture().await;
    for n in 0..6 {
        pool.enrolled(&format!("v{n}"), nth_name(n).as_str()).await;
    }
    pool.pending("v5").await;
    let mut drawn_how_often: HashMap<String, u32> = HashMap::new();
    for round in 0..500_i64 {
        let cycle = drawn(&pool, at(300 * round + 240), round.unsigned_abs()).await;
        *drawn_how_often.entry(cycle.candidate.unwrap().viewer.to_string()).or_default() += 1;
    }
    assert_eq!(drawn_how_often.len(), 5, "{drawn_how_often:?}");
    // 100 are expected of each; the chance of one beyond 60..=140 is below one in ten thousand, and the seeds are fixed.
    assert!(drawn_how_often.values().all(|times| (60..=140).contains(times)), "{drawn_how_often:?}");
}

#[tokio::test]
async fn a_pool_in_which_nobody_can_win_is_drawn_without_a_candidate() {
    let pool = fixture().await;
    for (n, who) in ["ann", "bob"].into_iter().enumerate() {
        pool.enrolled(who, nth_name(n).as_str()).await;
        pool.pending(who).await;
    }
    assert_eq!(drawn(&pool, at(240), 0).await.candidate, None);
}

#[tokio::test]
async fn verification_uses_the_record_of_the_draw_and_is_decided_once() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let cycle = drawn(&pool, at(240), 0).await;
    pool.enrolled("ann", "Bella").await;
    assert_eq!(refusal(&pool, &found(&cycle, "Bella", true), at(250)).await, Rejection::OutOfSequence);
    let first = found(&cycle, "anna", true);
    assert_eq!(pool.verify_candidate(&first, at(330)).await.unwrap(), Some(first.payout));
    let payout = pool.payout(first.payout).await.unwrap().unwrap();
    assert_eq!(payout.character_name, name("Anna"));
    assert_eq!(payout.enrollment_request_id.as_str(), format!("spin:{}", cycle.id.as_uuid().simple()));
    // Repeated, late, and with another name: nothing changes.
    assert_eq!(pool.verify_candidate(&found(&cycle, "Clara", false), at(9_999)).await.unwrap(), Some(first.payout));
    assert_eq!(pool.payouts_with_status(PayoutStatus::Pending, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_is_not_online_or_may_not_win_decides_the_cycle_without_a_winner() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let absent = drawn(&pool, at(240), 0).await;
    assert_eq!(pool.verify_candidate(&found(&absent, "Anna", false), at(250)).await.unwrap(), None);
    assert_eq!(pool.verify_candidate(&found(&absent, "Anna", true), at(251)).await.unwrap(), None);
    let busy = drawn(&pool, at(540), 0).await;
    pool.pending("ann").await;
    assert_eq!(refusal(&pool, &found(&busy, "Anna", true), at(550)).await, Rejection::ActivePayoutExists);
    assert_eq!(pool.verify_candidate(&found(&busy, "Anna", true), at(551)).await.unwrap(), None);
    assert_eq!(pool.cycle(busy.id).await.unwrap().unwrap().decision, Some(Decision::NoWinner));
}

#[tokio::test]
async fn what_does_not_fit_the_cycle_is_out_of_sequence() {
    let pool = fixture().await;
    let empty = drawn(&pool, at(240), 0).await;
    pool.enrolled("ann", "Anna").await;
    let cycle = drawn(&pool, at(540), 0).await;
    let unknown = Verification { cycle: fresh_cycle(), ..found(&cycle, "Anna", true) };
    for (verification, now) in [
        (found(&empty, "Anna", true), at(250)),
        (unknown, at(550)),
        (found(&cycle, "Anna", true), at(631)),
        (found(&cycle, "Bella", false), at(550)),
    ] {
        assert_eq!(refusal(&pool, &verification, now).await, Rejection::OutOfSequence);
    }
    assert_eq!(pool.cycle(cycle.id).await.unwrap().unwrap().decision, None);
}

#[tokio::test]
async fn of_ten_verifications_at_once_one_makes_the_payout() {
    let pool = fixture().await;
    pool.enrolled("ann", "Anna").await;
    let cycle = drawn(&pool, at(240), 0).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (store, verification) = (pool.store.clone(), found(&cycle, "Anna", true));
        tasks.spawn(async move { store.verify_candidate(&verification, at(250)).await.unwrap() });
    }
    let payouts: Vec<Option<PayoutId>> = tasks.join_all().await;
    assert!(payouts.iter().all(|payout| payout.is_some() && *payout == payouts[0]), "{payouts:?}");
    assert_eq!(pool.payouts_with_status(PayoutStatus::Pending, None, 10).await.unwrap().len(), 1);
}
