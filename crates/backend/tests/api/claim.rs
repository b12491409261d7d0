//! `POST /api/payouts/claim`.

use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

async fn claim(app: &TestApp, user: &str, name: &str, request: &str) -> Answer {
    let body = json!({"characterName": name, "enrollmentRequestId": request});
    app.post("/api/payouts/claim").viewer(user).json(&body).send().await
}

#[tokio::test]
async fn a_claim_enrols_and_its_repeat_is_answered_with_the_recorded_name() {
    let app = TestApp::start().await;
    let granted = json!({"characterName": "Etoehero", "enrollmentRequestId": "r-1"});
    assert_eq!(claim(&app, "ann", " Etoehero ", "r-1").await.success(201), granted);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Etoehero"));
    assert_eq!(claim(&app, "ann", "Andere", "r-1").await.success(200), granted);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Etoehero"));
    claim(&app, "ann", "Andere", "r-2").await.success(201);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Andere"));
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_is_decided_before_any_conflict() {
    let app = TestApp::start().await;
    claim(&app, "ann", "Etoehero", "r-1").await.success(201);
    let payout = app.pending("ann").await;
    claim(&app, "ann", "Etoehero", "r-2").await.is(409, "active_payout_exists");
    claim(&app, "ann", "Etoehero", "r-1").await.success(200);
    app.change(&payout, "InProgress").await.ok();
    app.change(&payout, "Sent").await.ok();
    app.enrolled("bob", "Etoehero").await;
    // Although another viewer has the name now, and this one has left the pool.
    claim(&app, "ann", "Etoehero", "r-1").await.success(200);
    assert_eq!(app.name_of("ann").await, None);
    app.finish().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_said() {
    let app = TestApp::start().await;
    claim(&app, "ann", "Etoehero", "r-1").await.success(201);
    claim(&app, "bob", "Bobhero", "r-1").await.is(409, "duplicate_enrollment");
    claim(&app, "bob", "ETOEHERO", "r-2").await.is(409, "character_name_taken_in_pool");
    // After a refusal the id can be used again.
    claim(&app, "bob", "Bobhero", "r-2").await.success(201);
    for name in ["", "A", "Abcdefghijklm", "Etoe1", "Two Words", "Αθηνα"] {
        claim(&app, &format!("viewer {name}"), name, "r-3").await.is(400, "invalid_character_name");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_body_of_another_shape_is_refused() {
    let app = TestApp::start().await;
    for (number, body) in [
        json!({}),
        json!([]),
        json!({"characterName": "Etoehero"}),
        json!({"enrollmentRequestId": "r"}),
        json!({"characterName": "Etoehero", "enrollmentRequestId": " "}),
        json!({"characterName": "Etoehero", "enrollmentRequestId": 7}),
        json!({"characterName": "Etoehero", "enrollmentRequestId": "r".repeat(300)}),
        json!({"characterName": null, "enrollmentRequestId": "r"}),
    ]
    .iter()
    .enumerate()
    {
        let call = app.post("/api/payouts/claim").viewer(&format!("viewer-{number}"));
        call.json(body).send().await.is(400, "invalid_payload");
    }
    let tolerated = json!({"characterName": "Etoehero", "enrollmentRequestId": "r", "addedLater": {}});
    app.post("/api/payouts/claim").viewer("ann").json(&tolerated).send().await.success(201);
    app.finish().await;
}

#[tokio::test]
async fn the_display_name_is_the_tokens() {
    let app = TestApp::start().await;
    for (user, claims, shown) in [
        ("a", json!({"name": "Ann", "display_name": "ann"}), "Ann"),
        ("b", json!({"display_name": "bob"}), "bob"),
        ("c", json!({}), "c"),
    ] {
        let mut claims: Value = claims;
        claims["user_id"] = json!(user);
        let body = json!({"characterName": format!("Hero{user}"), "enrollmentRequestId": user});
        app.post("/api/payouts/claim").bearer(&app.token(claims)).json(&body).send().await.success(201);
        app.pending(user).await;
        let mine = app.get("/api/payouts/my-last").viewer(user).send().await.ok();
        assert_eq!(mine["twitchDisplayName"], shown);
    }
    app.finish().await;
}

/// A backend that asks Helix who subscribes.
async fn asking() -> TestApp {
    TestApp::with(|settings| settings.mgm.dev_skip_subscriber_check = false).await
}

#[tokio::test]
async fn helix_says_who_subscribes() {
    let app = asking().await;
    claim(&app, "ann", "Etoehero", "r-1").await.success(201);
    claim(&app, "nosub-bob", "Bobhero", "r-2").await.is(403, "not_subscriber");
    assert_eq!(app.name_of("nosub-bob").await, None);
    let asked = &app.helix.journal().await.requests[0];
    assert_eq!(asked.path, "/helix/subscriptions");
    assert_eq!(asked.query.as_deref(), Some("broadcaster_id=e2e-ci-broadcaster&user_id=ann"));
    app.finish().await;
}

#[tokio::test]
async fn a_fault_of_helix_is_no_no() {
    let app = asking().await;
    for fault in [
        json!({"kind": "status", "status": 500}),
        json!({"kind": "status", "status": 401}),
        json!({"kind": "status", "status": 404}),
        json!({"kind": "status", "status": 429}),
        json!({"kind": "dropped"}),
        json!({"kind": "truncated"}),
    ] {
        let mut fault: Value = fault;
        fault["route"] = json!("subscription");
        app.helix.faults(json!([fault])).await;
        claim(&app, &format!("ann {fault}"), "Etoehero", "r-1").await.is(503, "helix_unavailable");
    }
    claim(&app, "ann", "Etoehero", "r-1").await.success(201);
    app.finish().await;
}

#[tokio::test]
async fn an_empty_list_is_a_no() {
    let app = asking().await;
    app.helix.faults(json!([{"kind": "not_sent", "route": "subscription"}])).await;
    claim(&app, "ann", "Etoehero", "r-1").await.is(403, "not_subscriber");
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_does_not_ask_helix() {
    let app = asking().await;
    claim(&app, "ann", "Etoehero", "r-1").await.success(201);
    app.helix.faults(json!([{"kind": "status", "route": "subscription"}])).await;
    claim(&app, "ann", "Etoehero", "r-1").await.success(200);
    claim(&app, "bob", "Bobhero", "r-1").await.is(409, "duplicate_enrollment");
    app.finish().await;
}

#[tokio::test]
async fn without_credentials_helix_cannot_be_asked() {
    let app = TestApp::with(|settings| {
        settings.mgm.dev_skip_subscriber_check = false;
        settings.twitch.broadcaster_access_token = None;
    })
    .await;
    claim(&app, "ann", "Etoehero", "r-1").await.is(503, "helix_unavailable");
    assert_eq!(app.helix.journal().await.total, 0);
    app.finish().await;
}
