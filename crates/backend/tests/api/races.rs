//! Many requests at once.

use std::num::NonZeroU32;

use futures_util::future::join_all;
use serde_json::json;

use crate::app::{Answer, TestApp};

/// A distinct name for each number: letters only.
fn name(number: usize) -> String {
    format!("{number:05}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status.as_u16() == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_enrolments_at_once_none_is_lost() {
    let app = TestApp::start().await;
    let users: Vec<_> = (0..60).map(|number| (format!("viewer-{number}"), name(number))).collect();
    let commands = users.iter().map(|(user, name)| (user, format!("!twgold {name}")));
    let answers = join_all(commands.map(async |(user, text)| app.chat(user, &text).await)).await;
    assert_eq!(count(&answers, 200), 60);
    for (user, name) in &users {
        assert_eq!(app.name_of(user).await.as_ref(), Some(name));
    }
    let state = app.get("/api/roulette/state").viewer("somebody").send().await.ok();
    assert_eq!(state["poolParticipantCount"], 60);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_name_claimed_by_twenty_at_once_has_one_holder() {
    let app = TestApp::start().await;
    let claims = (0..20).map(async |number| {
        let body = json!({"characterName": "Etoehero", "enrollmentRequestId": format!("r-{number}")});
        app.post("/api/payouts/claim").viewer(&format!("viewer-{number}")).json(&body).send().await
    });
    let answers = join_all(claims).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 19));
    answers
        .iter()
        .filter(|answer| answer.status == 409)
        .for_each(|answer| answer.is(409, "character_name_taken_in_pool"));
    let names = join_all((0..20).map(async |number| app.name_of(&format!("viewer-{number}")).await)).await;
    assert_eq!(names.iter().flatten().count(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_name_typed_by_twenty_at_once_has_one_holder() {
    let app = TestApp::start().await;
    let answers =
        join_all((0..20).map(async |number| app.chat(&format!("viewer-{number}"), "!twgold Etoehero").await)).await;
    assert_eq!(count(&answers, 200), 20);
    let names = join_all((0..20).map(async |number| app.name_of(&format!("viewer-{number}")).await)).await;
    assert_eq!(names.iter().flatten().count(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_claim_sent_ten_times_at_once_is_granted_once() {
    let app =
        TestApp::with(|settings| settings.rate_limits.viewer_writes_per_minute = NonZeroU32::new(100).unwrap()).await;
    let body = json!({"characterName": "Etoehero", "enrollmentRequestId": "r-1"});
    let answers =
        join_all((0..10).map(async |_| app.post("/api/payouts/claim").viewer("ann").json(&body).send().await)).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 9));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_ten_confirmations_at_once_one_is_sent_and_announced() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    let payout = app.pending("ann").await;
    app.change(&payout, "InProgress").await.ok();
    let answers = join_all((0..10).map(async |_| app.change(&payout, "Sent").await)).await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 9));
    app.advance(600);
    join_all((0..4).map(async |_| app.announce_due().await)).await;
    assert_eq!(app.helix.messages().await.len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_announcement_taken_up_by_many_workers_is_sent_once() {
    let app = TestApp::start().await;
    app.helix.status(503).await;
    app.sent("ann", "Etoehero").await;
    app.advance(600);
    join_all((0..8).map(async |_| app.announce_due().await)).await;
    assert_eq!(app.helix.messages().await.len(), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_draws_and_verifications_at_once_make_one_winner() {
    let app = TestApp::start().await;
    for number in 0..10 {
        app.enrolled(&format!("viewer-{number}"), &name(number)).await;
    }
    app.advance(240);
    join_all((0..8).map(async |_| app.draw().await)).await;
    let candidate = app.get("/api/roulette/candidate").desktop().send().await.ok();
    let report = json!({"schemaVersion": 1, "spinCycleId": candidate["spinCycleId"], "online": true,
                        "characterName": candidate["characterName"], "capturedAt": "2026-01-02T03:09:20Z"});
    let verify = async |_| app.post("/api/roulette/verify-candidate").desktop().json(&report).send().await.ok();
    let won = join_all((0..10).map(verify)).await;
    assert!(won.iter().all(|answer| *answer == won[0]) && won[0]["payoutId"].is_string(), "{won:?}");
    assert_eq!(app.get("/api/payouts/pending").desktop().send().await.ok().as_array().unwrap().len(), 1);
    app.finish().await;
}
