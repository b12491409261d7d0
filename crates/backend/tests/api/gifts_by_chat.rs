//! `!twgift`: committed at once, verified by Helix later.

use std::time::Duration;

use mgm_backend::work::workers::{self, gift_verification};
use mgm_twitch::eventsub::ChatMessageBuilder;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::app::{BROADCASTER, TestApp};

/// A backend that asks Helix who subscribes.
async fn asking() -> TestApp {
    TestApp::with(|settings| settings.mgm.dev_skip_subscriber_check = false).await
}

impl TestApp {
    async fn verify_gifts(&self) {
        gift_verification::round(&self.state.worker_context(), &CancellationToken::new()).await.unwrap();
    }

    async fn asked_in_chat(&self, user: &str) {
        assert_eq!(self.chat(user, "!twgift Etoehero").await.status, 200);
    }

    async fn helix_is_down(&self, times: u32) {
        self.helix.faults(json!([{"kind": "status", "status": 500, "route": "subscription", "times": times}])).await;
    }
}

#[tokio::test]
async fn a_request_by_chat_is_in_no_queue_until_helix_has_said_yes() {
    let app = asking().await;
    app.asked_in_chat("ann").await;
    assert_eq!(app.helix.journal().await.total, 0, "Helix is not asked before the answer");
    assert_eq!(app.gift_viewers().await, [] as [&str; 0]);
    app.request_gift("ann", "Etoehero").await.is(409, "gift_request_active");
    app.verify_gifts().await;
    let gift = &app.gift_queue().await[0];
    assert_eq!((&gift["viewerId"], &gift["state"]), (&json!("ann"), &json!("SelectingItem")));
    assert_eq!(gift["characterName"], "Etoehero");
    app.finish().await;
}

#[tokio::test]
async fn while_helix_is_down_a_request_waits_and_then_takes_the_place_of_its_receipt() {
    let app = asking().await;
    app.gift_requested("first").await;
    app.helix_is_down(3).await;
    app.asked_in_chat("ann").await;
    app.advance(1);
    for _ in 0..3 {
        app.verify_gifts().await;
        assert_eq!(app.gift_viewers().await, ["first"]);
        // Helix is asked again only after a pause.
        app.verify_gifts().await;
        app.advance(60);
    }
    app.sweep_gifts().await;
    app.gift_requested("bob").await;
    app.gift_requested("cid").await;
    assert_eq!(app.gift_viewers().await, ["bob", "cid"]);
    app.verify_gifts().await;
    assert_eq!(app.gift_viewers().await, ["bob", "ann", "cid"], "before those who asked later and still wait");
    let asked = app.helix.journal().await.requests;
    let of_ann = asked.iter().filter(|request| request.query.as_ref().is_some_and(|query| query.ends_with("=ann")));
    assert_eq!(of_ann.count(), 4);
    app.finish().await;
}

#[tokio::test]
async fn a_no_of_helix_is_an_end_and_a_fault_is_not() {
    let app = asking().await;
    app.asked_in_chat("nosub-ann").await;
    app.verify_gifts().await;
    app.asked_in_chat("bob").await;
    app.helix_is_down(1).await;
    app.verify_gifts().await;
    let states: Vec<(String, String)> = sqlx::query_as("SELECT viewer_id, state FROM gift_requests ORDER BY viewer_id")
        .fetch_all(app.database.pool())
        .await
        .unwrap();
    let states: Vec<_> = states.iter().map(|(viewer, state)| (viewer.as_str(), state.as_str())).collect();
    assert_eq!(states, [("bob", "Unverified"), ("nosub-ann", "Failed")]);
    // A viewer who was refused may ask again.
    app.asked_in_chat("nosub-ann").await;
    app.advance(60);
    app.verify_gifts().await;
    assert_eq!(app.gift_viewers().await, ["bob"]);
    app.finish().await;
}

#[tokio::test]
async fn after_an_hour_without_a_word_of_helix_it_ends() {
    let app = asking().await;
    app.asked_in_chat("ann").await;
    app.helix_is_down(100).await;
    for _ in 0..59 {
        app.advance(60);
        app.verify_gifts().await;
        app.sweep_gifts().await;
    }
    app.request_gift("ann", "Etoehero").await.is(503, "helix_unavailable");
    app.advance(60);
    app.sweep_gifts().await;
    let reasons: Vec<String> =
        sqlx::query_scalar("SELECT failure_reason FROM gift_requests").fetch_all(app.database.pool()).await.unwrap();
    assert_eq!(reasons, ["verification_timeout"]);
    let before = app.helix.journal().await.total;
    app.advance(60);
    app.verify_gifts().await;
    assert_eq!(app.helix.journal().await.total, before, "nobody asks any more");
    app.finish().await;
}

#[tokio::test]
async fn a_redelivered_message_is_passed_over() {
    let app = asking().await;
    let mut message = ChatMessageBuilder::by_subscriber(&app.fresh_id(), BROADCASTER, "ann", "ann", "!TwGift Etoehero");
    for _ in 0..3 {
        assert_eq!(app.notify(&message.full_body()).await.status, 200);
    }
    app.verify_gifts().await;
    let id = app.gift_queue().await[0]["id"].as_str().unwrap().to_owned();
    app.fail_gift(&id, "gone").await.ok();
    message.text = "!twgift Andere".to_owned();
    assert_eq!(app.notify(&message.full_body()).await.status, 200);
    app.verify_gifts().await;
    assert_eq!(app.gift_viewers().await, [] as [&str; 0]);
    app.finish().await;
}

#[tokio::test]
async fn badges_names_and_earlier_requests_are_looked_at_before_anything_is_written() {
    let app = asking().await;
    let mut message = ChatMessageBuilder::by_subscriber(&app.fresh_id(), BROADCASTER, "ann", "ann", "!twgift Anna");
    message.badges = vec!["vip".to_owned()];
    assert_eq!(app.notify(&message.full_body()).await.status, 200);
    assert_eq!(app.chat("bob", "!twgift Bob1").await.status, 200);
    let written: i64 =
        sqlx::query_scalar("SELECT count(*) FROM gift_requests").fetch_one(app.database.pool()).await.unwrap();
    assert_eq!(written, 0);
    app.asked_in_chat("cid").await;
    app.asked_in_chat("cid").await;
    let written: i64 =
        sqlx::query_scalar("SELECT count(*) FROM gift_requests").fetch_one(app.database.pool()).await.unwrap();
    assert_eq!(written, 1);
    assert_eq!(app.name_of("cid").await, None, "a gift is no enrolment");
    app.verify_gifts().await;
    app.finish().await;
}

#[tokio::test]
async fn without_a_database_twitch_is_to_send_the_request_again() {
    let app = asking().await;
    app.state.store.close().await;
    app.chat("ann", "!twgift Etoehero").await.is(503, "unavailable");
    app.abandon();
}

#[tokio::test]
async fn development_may_do_without_helix() {
    let app = TestApp::start().await;
    app.asked_in_chat("ann").await;
    assert_eq!(app.gift_viewers().await, ["ann"]);
    assert_eq!(app.helix.journal().await.total, 0);
    app.finish().await;
}

#[tokio::test]
async fn many_workers_verify_each_request_once() {
    let app = asking().await;
    for number in 0..10 {
        app.asked_in_chat(&format!("viewer-{number}")).await;
    }
    futures_util::future::join_all((0..4).map(async |_| app.verify_gifts().await)).await;
    assert_eq!(app.gift_queue().await.len(), 10);
    assert_eq!(app.helix.journal().await.total, 10);
    app.finish().await;
}

#[tokio::test]
async fn the_workers_verify_and_time_out_by_themselves() {
    let app = asking().await;
    app.asked_in_chat("ann").await;
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    workers::start(&app.state.worker_context(), &tasks, &shutdown);
    let becomes = async |state: &str, viewers: &[&str]| {
        let reached = async {
            loop {
                let queue: Vec<Value> = app.gift_queue().await;
                let now: Vec<_> = queue.iter().map(|gift| gift["viewerId"].as_str().unwrap()).collect();
                if now == viewers && queue.iter().all(|gift| gift["state"] == state) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reached).await.unwrap();
    };
    becomes("SelectingItem", &["ann"]).await;
    app.advance(60);
    becomes("SelectingItem", &[]).await;
    shutdown.cancel();
    tasks.close();
    tokio::time::timeout(Duration::from_secs(30), tasks.wait()).await.unwrap();
    app.finish().await;
}
