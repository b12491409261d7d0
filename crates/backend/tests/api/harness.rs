//! `POST /api/e2e/prepare-pending-payout`.

use mgm_settings::Environment;
use serde_json::json;

use crate::app::{Answer, TestApp};

const PATH: &str = "/api/e2e/prepare-pending-payout";

async fn prepare(app: &TestApp, user: &str) -> Answer {
    app.post(PATH).desktop().json(&json!({"twitchUserId": user})).send().await
}

#[tokio::test]
async fn the_harness_awards_a_payout_to_a_member_of_the_pool() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    let prepared = prepare(&app, "ann").await.ok();
    assert_eq!(prepared["characterName"], "Etoehero");
    assert_eq!(prepared.as_object().unwrap().len(), 2);
    let listed = app.get("/api/payouts/pending").desktop().send().await.ok();
    assert_eq!(listed[0]["id"], prepared["payoutId"]);
    app.finish().await;
}

#[tokio::test]
async fn what_it_cannot_do_it_says() {
    let app = TestApp::start().await;
    prepare(&app, "ann").await.is(400, "not_in_pool");
    app.enrolled("ann", "Etoehero").await;
    prepare(&app, "ann").await.ok();
    prepare(&app, "ann").await.is(409, "active_payout_exists");
    for body in [json!({"twitchUserId": ""}), json!({"twitchUserId": "  "}), json!({}), json!({"twitchUserId": 7})] {
        app.post(PATH).desktop().json(&body).send().await.is(400, "invalid_payload");
    }
    app.finish().await;
}

#[tokio::test]
async fn it_leaves_the_running_cycle_alone() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    app.advance(240);
    app.draw().await;
    let candidate = app.get("/api/roulette/candidate").desktop().send().await.ok();
    prepare(&app, "ann").await.ok();
    assert_eq!(app.get("/api/roulette/candidate").desktop().send().await.ok(), candidate);
    let state = app.get("/api/roulette/state").viewer("ann").send().await.ok();
    assert_eq!(state["spinPhase"], "spinning");
    app.finish().await;
}

#[tokio::test]
async fn where_it_is_off_the_route_is_as_unknown_as_any() {
    let app = TestApp::with(|settings| settings.mgm.enable_e2e_harness = false).await;
    for call in
        [app.post(PATH), app.post(PATH).desktop(), app.get(PATH), app.post(PATH).header("x-mgm-apikey", "wrong")]
    {
        call.send().await.is(404, "not_found");
    }
    app.finish().await;
}

#[tokio::test]
async fn production_does_not_start_with_it() {
    let helix = crate::helix::HelixStandIn::start();
    let mut settings = crate::app::settings(&helix);
    settings.general.environment = Environment::Production;
    let error = mgm_backend::config::BackendConfig::new(&settings).unwrap_err().to_string();
    assert!(error.contains("Mgm__EnableE2eHarness") && error.contains("Mgm__DevSkipSubscriberCheck"), "{error}");
}
