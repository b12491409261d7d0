//! Background work.

use std::num::NonZeroU64;
use std::time::Duration;

use axum::http::Method;
use mgm_backend::work::workers::{self, expiry};
use mgm_twitch::eventsub::ChatMessageBuilder;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::app::{BROADCASTER, TestApp};

#[tokio::test]
async fn payouts_expire_a_day_after_they_were_made() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Annhero").await;
    app.enrolled("bob", "Bobhero").await;
    let pending = app.pending("ann").await;
    let in_progress = app.pending("bob").await;
    app.change(&in_progress, "InProgress").await.ok();
    let expired = async || {
        expiry::round(&app.state.worker_context()).await.unwrap();
        app.request(Method::GET, "/api/payouts?status=Expired").desktop().send().await.ok().as_array().unwrap().len()
    };
    app.advance(86_399);
    assert_eq!(expired().await, 0);
    app.advance(1);
    assert_eq!(expired().await, 2);
    app.change(&pending, "InProgress").await.is(409, "terminal_status_change_not_allowed");
    // They may enrol again.
    app.enrolled("ann", "Annhero").await;
    app.finish().await;
}

#[tokio::test]
async fn processed_messages_are_remembered_for_a_day() {
    let app = TestApp::start().await;
    let mut message = ChatMessageBuilder::by_subscriber("m-1", BROADCASTER, "ann", "ann", "!twgold Erste");
    app.notify(&message.full_body()).await;
    message.text = "!twgold Zweite".to_owned();
    app.advance(86_400);
    expiry::round(&app.state.worker_context()).await.unwrap();
    app.notify(&message.full_body()).await;
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Erste"));
    app.advance(1);
    expiry::round(&app.state.worker_context()).await.unwrap();
    app.notify(&message.full_body()).await;
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Zweite"));
    app.finish().await;
}

#[tokio::test]
async fn the_workers_run_by_themselves_and_end_when_told() {
    let app = TestApp::with(|settings| settings.roulette.tick_milliseconds = NonZeroU64::new(10).unwrap()).await;
    app.enrolled("ann", "Etoehero").await;
    app.advance(240);
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    workers::start(&app.state.worker_context(), &tasks, &shutdown);
    let drawn = async {
        while app.get("/api/roulette/candidate").desktop().send().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), drawn).await.unwrap();
    shutdown.cancel();
    tasks.close();
    tokio::time::timeout(Duration::from_secs(30), tasks.wait()).await.unwrap();
    app.finish().await;
}

#[tokio::test]
async fn a_worker_outlives_an_outage_of_the_database() {
    let app = TestApp::with(|settings| settings.roulette.tick_milliseconds = NonZeroU64::new(10).unwrap()).await;
    app.enrolled("ann", "Etoehero").await;
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    workers::start(&app.state.worker_context(), &tasks, &shutdown);
    for _ in 0..5 {
        app.database.terminate_sessions().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.advance(240);
    let drawn = async {
        while app.get("/api/roulette/candidate").desktop().send().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), drawn).await.unwrap();
    shutdown.cancel();
    app.finish().await;
}
