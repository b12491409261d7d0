//! The database becomes unavailable and returns.

use mgm_store::MIGRATOR;
use mgm_test_support::{Durability, TestServer};
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn without_a_database_ordinary_chat_is_acknowledged_and_a_command_is_not() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    app.state.store.close().await;
    for text in ["hello", "!twgold", "!twgold Two Words"] {
        assert_eq!(app.chat("ann", text).await.status, 200, "{text}");
    }
    app.chat("ann", "!twgold Andere").await.is(503, "unavailable");
    app.get("/").send().await.is(404, "not_found");
    app.get("/health/live").send().await.ok();
    app.get("/api/version").send().await.ok();
    app.get("/health/ready").send().await.is(503, "unavailable");
    app.get("/api/pool/me").viewer("ann").send().await.is(503, "unavailable");
    app.get("/api/roulette/state").viewer("ann").send().await.is(503, "unavailable");
    app.get("/api/payouts/pending").desktop().send().await.is(503, "unavailable");
    let claim = json!({"characterName": "Andere", "enrollmentRequestId": "r"});
    app.post("/api/payouts/claim").viewer("ann").json(&claim).send().await.is(503, "unavailable");
    app.change("0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4", "Sent").await.is(503, "unavailable");
    app.abandon();
}

#[tokio::test]
async fn after_its_sessions_are_ended_the_backend_goes_on() {
    let app = TestApp::start().await;
    for name in ["Erste", "Zweite", "Dritte"] {
        app.enrolled("ann", name).await;
        app.database.terminate_sessions().await;
    }
    app.get("/health/ready").send().await.ok();
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Dritte"));
    app.finish().await;
}

#[tokio::test]
async fn after_a_crash_of_the_database_nothing_that_was_acknowledged_is_lost() {
    let server = TestServer::start(Durability::On).await;
    let app = TestApp::on(server.database(&MIGRATOR).await, |_| ());
    app.enrolled("ann", "Etoehero").await;
    server.server().crash().await.unwrap();
    // The first requests may still be affected by the crash; Twitch resends what was not acknowledged.
    let recovered = async {
        while app.chat("bob", "!twgold Bobhero").await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), recovered).await.unwrap();
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Etoehero"));
    assert_eq!(app.name_of("bob").await.as_deref(), Some("Bobhero"));
    app.finish().await;
}
