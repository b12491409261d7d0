//! Gift requests over HTTP: viewers make them, and the desktop program serves them.

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use mgm_backend::work::workers::gift_timeouts;
use serde_json::{Value, json};

use crate::app::{Answer, BROADCASTER, TestApp};

const NOWHERE: &str = "0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4";

impl TestApp {
    pub async fn request_gift(&self, user: &str, name: &str) -> Answer {
        let body = json!({"streamerId": BROADCASTER, "characterName": name});
        self.post("/api/gift-requests").viewer(user).json(&body).send().await
    }

    /// Adds a gift request to the queue; returns its id.
    pub async fn gift_requested(&self, user: &str) -> String {
        let gift = self.request_gift(user, "Etoehero").await.success(201);
        gift["id"].as_str().unwrap().to_owned()
    }

    /// Changes a gift request as the desktop program.
    pub async fn gift(&self, method: Method, path: &str, body: Value) -> Answer {
        self.request(method, &format!("/api/gift-requests/{path}")).desktop().json(&body).send().await
    }

    pub async fn select_item(&self, id: &str) -> Answer {
        self.gift(Method::POST, &format!("{id}/select-item"), json!({"item": item()})).await
    }

    pub async fn confirm_gift(&self, id: &str, confirmed: bool) -> Answer {
        self.gift(Method::POST, &format!("{id}/confirm"), json!({"confirmed": confirmed})).await
    }

    pub async fn fail_gift(&self, id: &str, reason: &str) -> Answer {
        self.gift(Method::PATCH, id, json!({"state": "Failed", "reason": reason})).await
    }

    /// The queue as shown to the desktop program.
    pub async fn gift_queue(&self) -> Vec<Value> {
        let listed = self.get("/api/gift-requests").desktop().send().await.ok();
        listed.as_array().unwrap().clone()
    }

    /// The viewers in the queue, in its order.
    pub async fn gift_viewers(&self) -> Vec<String> {
        let queue = self.gift_queue().await;
        queue.iter().map(|gift| gift["viewerId"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn sweep_gifts(&self) {
        gift_timeouts::round(&self.state.worker_context()).await.unwrap();
    }
}

fn item() -> Value {
    json!({"name": "Льняная ткань", "id": 2589, "count": 20, "link": "|Hitem:2589|h[Льняная ткань]|h",
           "texture": "Interface\\Icons\\INV_Fabric_Linen_01", "bagId": -1, "slotId": 3})
}

async fn panel(app: &TestApp, user: &str) -> Value {
    app.get(&format!("/api/streamers/{BROADCASTER}/gift-queue")).viewer(user).send().await.ok()
}

#[tokio::test]
async fn a_gift_goes_from_the_request_to_its_confirmation() {
    let app = TestApp::start().await;
    let token = app.token(json!({"user_id": "ann", "name": "Ann"}));
    let body = json!({"streamerId": BROADCASTER, "characterName": " etoeHero "});
    let gift = app.post("/api/gift-requests").bearer(&token).json(&body).send().await.success(201);
    let id = gift["id"].as_str().unwrap();
    assert_eq!(
        gift,
        json!({"id": id, "streamerId": BROADCASTER, "viewerId": "ann", "viewerDisplayName": "Ann",
               "characterName": "etoeHero", "inGameName": "Etoehero", "state": "SelectingItem", "selectedItem": null,
               "queuePosition": 1, "estimatedWaitSeconds": 0, "createdAt": "2026-01-02T03:05:10.000Z",
               "updatedAt": "2026-01-02T03:05:10.000Z", "timeoutAt": "2026-01-02T03:06:10.000Z",
               "failureReason": null})
    );
    app.advance(10);
    let selected = app.select_item(id).await.ok();
    assert_eq!((&selected["state"], &selected["selectedItem"]), (&json!("WaitingConfirmation"), &item()));
    assert_eq!(selected["timeoutAt"], "2026-01-02T03:10:20.000Z");
    assert_eq!(panel(&app, "ann").await, json!([selected]));
    app.advance(10);
    let completed = app.confirm_gift(id, true).await.ok();
    assert_eq!((&completed["state"], &completed["selectedItem"]), (&json!("Completed"), &item()));
    assert_eq!((&completed["timeoutAt"], &completed["queuePosition"]), (&json!(null), &json!(0)));
    assert_eq!(completed["updatedAt"], "2026-01-02T03:05:30.000Z");
    assert_eq!(app.gift_queue().await, [] as [Value; 0]);
    app.request_gift("ann", "Etoehero").await.is(409, "gift_already_used");
    app.finish().await;
}

#[tokio::test]
async fn the_queue_is_served_in_order_with_places_and_waits() {
    let app = TestApp::start().await;
    let mut ids = vec![];
    for user in ["ann", "bob", "cid"] {
        ids.push(app.gift_requested(user).await);
        app.advance(1);
    }
    let places = async || -> Vec<Value> {
        let queue = app.gift_queue().await;
        queue
            .iter()
            .map(|gift| json!([gift["viewerId"], gift["state"], gift["queuePosition"], gift["estimatedWaitSeconds"]]))
            .collect()
    };
    assert_eq!(
        places().await,
        [json!(["ann", "SelectingItem", 1, 0]), json!(["bob", "Pending", 2, 65]), json!(["cid", "Pending", 3, 130])]
    );
    let viewers = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|gift| json!([gift["viewerId"], gift["queuePosition"]])).collect()
    };
    assert_eq!(viewers(&panel(&app, "cid").await), [json!([null, 1]), json!(["cid", 3])]);
    assert_eq!(viewers(&panel(&app, "ann").await), [json!(["ann", 1])]);
    assert_eq!(viewers(&panel(&app, "nobody").await), [json!([null, 1])]);
    app.fail_gift(&ids[0], "out_of_stock").await.ok();
    assert_eq!(places().await, [json!(["bob", "SelectingItem", 1, 0]), json!(["cid", "Pending", 2, 65])]);
    app.finish().await;
}

#[tokio::test]
async fn one_open_request_a_viewer_and_another_when_it_has_ended() {
    let app = TestApp::start().await;
    let id = app.gift_requested("ann").await;
    app.request_gift("ann", "Andere").await.is(409, "gift_request_active");
    let failed = app.fail_gift(&id, "out_of_stock").await.ok();
    assert_eq!((&failed["state"], &failed["failureReason"]), (&json!("Failed"), &json!("out_of_stock")));
    let id = app.gift_requested("ann").await;
    app.select_item(&id).await.ok();
    let declined = app.confirm_gift(&id, false).await.ok();
    assert_eq!((&declined["state"], &declined["failureReason"]), (&json!("Failed"), &json!("receiver_declined")));
    app.gift_requested("ann").await;
    app.finish().await;
}

#[tokio::test]
async fn every_change_that_is_not_the_states_is_refused() {
    let app = TestApp::start().await;
    let (serving, pending) = (app.gift_requested("ann").await, app.gift_requested("bob").await);
    app.confirm_gift(&serving, true).await.is(409, "invalid_state");
    app.select_item(&pending).await.is(409, "invalid_state");
    app.confirm_gift(&pending, true).await.is(409, "invalid_state");
    app.select_item(&serving).await.ok();
    app.select_item(&serving).await.is(409, "invalid_state");
    app.confirm_gift(&serving, true).await.ok();
    app.confirm_gift(&serving, true).await.is(409, "invalid_state");
    app.fail_gift(&serving, "late").await.is(409, "invalid_state");
    app.fail_gift(&pending, "gone").await.ok();
    app.fail_gift(&pending, "gone").await.is(409, "invalid_state");
    app.finish().await;
}

#[tokio::test]
async fn a_patch_may_only_fail_a_request() {
    let app = TestApp::start().await;
    let id = app.gift_requested("ann").await;
    for state in ["Pending", "SelectingItem", "WaitingConfirmation", "Completed", "completed"] {
        app.gift(Method::PATCH, &id, json!({"state": state})).await.is(409, "invalid_state");
        app.gift(Method::PATCH, NOWHERE, json!({"state": state})).await.is(404, "not_found");
    }
    for body in [json!({"state": "Unverified"}), json!({"state": "Gone"}), json!({"reason": "x"}), json!({"state": 5})]
    {
        app.gift(Method::PATCH, &id, body).await.is(400, "invalid_payload");
    }
    let failed = app.gift(Method::PATCH, &id, json!({"state": "fAILED", "reason": "  no\u{0} space "})).await.ok();
    assert_eq!(failed["failureReason"], "no space");
    for body in [json!({"state": "Failed"}), json!({"state": "Failed", "reason": null})] {
        let id = app.gift_requested("ann").await;
        assert_eq!(app.gift(Method::PATCH, &id, body).await.ok()["failureReason"], "failed");
    }
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::start().await;
    for id in [NOWHERE, "not-a-uuid"] {
        app.select_item(id).await.is(404, "not_found");
        app.confirm_gift(id, true).await.is(404, "not_found");
        app.fail_gift(id, "gone").await.is(404, "not_found");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_body_of_another_shape_is_refused() {
    let app = TestApp::start().await;
    let id = app.gift_requested("ann").await;
    let with = |key: &str, value: Value| {
        let mut item = item();
        item[key] = value;
        json!({"item": item})
    };
    for body in [
        json!({}),
        json!({"item": null}),
        json!({"item": {"name": "Linen"}}),
        with("name", json!(" ")),
        with("count", json!(0)),
        with("count", json!(-1)),
        with("id", json!("2589")),
        with("link", json!("a\u{0}b")),
        with("texture", json!("x".repeat(1_025))),
    ] {
        app.gift(Method::POST, &format!("{id}/select-item"), body).await.is(400, "invalid_payload");
    }
    for body in [json!({}), json!({"confirmed": "yes"}), json!({"confirmed": null})] {
        app.gift(Method::POST, &format!("{id}/confirm"), body).await.is(400, "invalid_payload");
    }
    for (number, body) in
        [json!({}), json!({"streamerId": BROADCASTER}), json!({"characterName": "Anna"})].iter().enumerate()
    {
        let call = app.post("/api/gift-requests").viewer(&format!("viewer-{number}"));
        call.json(body).send().await.is(400, "invalid_payload");
    }
    app.request_gift("bob", "Bob1").await.is(400, "invalid_character_name");
    app.finish().await;
}

#[tokio::test]
async fn another_broadcasters_queue_is_not_served_here() {
    let app = TestApp::start().await;
    app.gift_requested("ann").await;
    app.get("/api/streamers/another/gift-queue").viewer("ann").send().await.is(403, "wrong_channel");
    let body = json!({"streamerId": "another", "characterName": "Etoehero"});
    app.post("/api/gift-requests").viewer("bob").json(&body).send().await.is(403, "wrong_channel");
    let listed = async |query: &str| {
        let list = app.get(&format!("/api/gift-requests?{query}")).desktop().send().await.ok();
        list.as_array().unwrap().len()
    };
    assert_eq!(listed("").await, 1);
    assert_eq!(listed(&format!("streamerId={BROADCASTER}")).await, 1);
    assert_eq!(listed("streamerId=another").await, 0);
    app.finish().await;
}

#[tokio::test]
async fn viewers_and_the_desktop_each_have_their_own_routes() {
    let app = TestApp::start().await;
    let id = app.gift_requested("ann").await;
    app.get("/api/gift-requests").viewer("ann").send().await.is(401, "unauthorized");
    app.post("/api/gift-requests").desktop().send().await.is(401, "unauthorized");
    app.get(&format!("/api/streamers/{BROADCASTER}/gift-queue")).desktop().send().await.is(401, "unauthorized");
    for (method, path) in [
        (Method::PATCH, id.clone()),
        (Method::POST, format!("{id}/select-item")),
        (Method::POST, format!("{id}/confirm")),
    ] {
        let path = format!("/api/gift-requests/{path}");
        app.request(method.clone(), &path).viewer("ann").send().await.is(401, "unauthorized");
        let wrong = app.request(method, &path).header("x-mgm-apikey", "wrong");
        wrong.send().await.is(401, "forbidden_apikey");
    }
    let anonymous = app.token(json!({"opaque_user_id": "U1"}));
    let queue = app.get(&format!("/api/streamers/{BROADCASTER}/gift-queue"));
    queue.bearer(&anonymous).send().await.is(401, "identity_not_shared");
    app.finish().await;
}

#[tokio::test]
async fn a_passed_time_is_an_end_even_before_the_sweep_has_noted_it() {
    let app = TestApp::start().await;
    let (first, second) = (app.gift_requested("ann").await, app.gift_requested("bob").await);
    app.advance(59);
    app.sweep_gifts().await;
    assert_eq!(app.gift_viewers().await, ["ann", "bob"]);
    app.advance(1);
    app.select_item(&first).await.is(409, "invalid_state");
    app.fail_gift(&first, "late").await.is(409, "invalid_state");
    join_all((0..4).map(async |_| app.sweep_gifts().await)).await;
    assert_eq!(app.gift_viewers().await, ["bob"]);
    // The next request's time starts now.
    app.advance(59);
    app.select_item(&second).await.ok();
    app.advance(299);
    app.sweep_gifts().await;
    assert_eq!(app.gift_viewers().await, ["bob"]);
    app.advance(1);
    app.confirm_gift(&second, true).await.is(409, "invalid_state");
    app.sweep_gifts().await;
    assert_eq!(app.gift_viewers().await, [] as [&str; 0]);
    let reasons: Vec<String> = sqlx_reasons(&app).await;
    assert_eq!(reasons, ["selection_timeout", "confirmation_timeout"]);
    app.gift_requested("ann").await;
    app.finish().await;
}

async fn sqlx_reasons(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar("SELECT failure_reason FROM gift_requests WHERE state = 'Failed' ORDER BY updated_at")
        .fetch_all(app.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_times_are_configurable() {
    let app = TestApp::with(|settings| {
        settings.gifts.select = Duration::from_secs(7);
        settings.gifts.confirm = Duration::from_secs(9);
    })
    .await;
    let gift = app.request_gift("ann", "Etoehero").await.success(201);
    assert_eq!(gift["timeoutAt"], "2026-01-02T03:05:17.000Z");
    let selected = app.select_item(gift["id"].as_str().unwrap()).await.ok();
    assert_eq!(selected["timeoutAt"], "2026-01-02T03:05:19.000Z");
    app.finish().await;
}

#[tokio::test]
async fn helix_says_who_subscribes_and_a_fault_writes_nothing() {
    let app = TestApp::with(|settings| settings.mgm.dev_skip_subscriber_check = false).await;
    app.request_gift("nosub-bob", "Bobhero").await.is(403, "not_subscriber");
    for mut fault in
        [json!({"kind": "dropped"}), json!({"kind": "truncated"}), json!({"kind": "status", "status": 404})]
    {
        fault["route"] = json!("subscription");
        app.helix.faults(json!([fault])).await;
        app.request_gift("ann", "Etoehero").await.is(503, "helix_unavailable");
    }
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(app.database.pool()).await.unwrap();
    assert_eq!(written, 0);
    app.gift_requested("ann").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_ask_an_idle_queue_at_once_one_is_served() {
    let app = TestApp::start().await;
    let answers = join_all((0..20).map(async |n| app.request_gift(&format!("viewer-{n}"), "Etoehero").await)).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    let queue = app.gift_queue().await;
    let positions: Vec<_> = queue.iter().map(|gift| gift["queuePosition"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=20).collect::<Vec<_>>());
    assert_eq!(queue.iter().filter(|gift| gift["state"] == "SelectingItem").count(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_ten_confirmations_at_once_one_counts() {
    let app = TestApp::start().await;
    let id = app.gift_requested("ann").await;
    app.select_item(&id).await.ok();
    let answers = join_all((0..10).map(async |n| app.confirm_gift(&id, n % 2 == 0).await)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| answer.is(409, "invalid_state"));
    app.finish().await;
}
