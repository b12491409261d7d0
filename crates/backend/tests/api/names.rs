//! A character name is the same however it is composed, and whatever invisible characters it has, everywhere.

use serde_json::{Value, json};

use crate::app::{BROADCASTER, TestApp};

const NAME: &str = "Ёжикий";
/// The same name as keyboards may write it: letters and marks, and invisible characters.
const TYPED: [&str; 4] = [
    "Е\u{308}жикии\u{306}",
    "\u{FEFF}Ёжи\u{200B}кий\u{FE0F}",
    "е\u{308}жики\u{34F}и\u{306}\u{E0000}",
    "Е\u{200D}\u{308}жики\u{AD}й\u{180E}\u{E0101}",
];

async fn post(app: &TestApp, path: &str, body: &Value) -> u16 {
    app.post(path).desktop().json(body).send().await.status.as_u16()
}

#[tokio::test]
async fn in_chat() {
    for typed in TYPED {
        let app = TestApp::start().await;
        assert_eq!(app.chat("ann", &format!("\u{200B}!twgold\u{2060} {typed} \u{E0000}")).await.status, 200);
        assert_eq!(app.name_of("ann").await.unwrap().to_lowercase(), NAME.to_lowercase(), "{typed:?}");
        // The same name, which another viewer already has.
        app.chat("bob", &format!("!twgold {NAME}")).await;
        assert_eq!(app.name_of("bob").await, None);
        assert_eq!(app.chat("cid", &format!("!twgift {typed}")).await.status, 200);
        let gifts = app.get("/api/gift-requests").desktop().send().await.ok();
        assert_eq!(gifts[0]["characterName"].as_str().unwrap().to_lowercase(), NAME.to_lowercase());
        app.finish().await;
    }
}

#[tokio::test]
async fn in_the_panel() {
    for typed in TYPED {
        let app = TestApp::start().await;
        let claim = json!({"characterName": typed, "enrollmentRequestId": "r-1"});
        let granted = app.post("/api/payouts/claim").viewer("ann").json(&claim).send().await.success(201);
        let name = granted["characterName"].as_str().unwrap().to_owned();
        assert_eq!(name.to_lowercase(), NAME.to_lowercase(), "{typed:?}");
        let again = app.post("/api/payouts/claim").viewer("ann").json(&claim).send().await.success(200);
        assert_eq!(again, granted);
        let other = json!({"characterName": NAME, "enrollmentRequestId": "r-2"});
        let taken = app.post("/api/payouts/claim").viewer("bob").json(&other).send().await;
        taken.is(409, "character_name_taken_in_pool");
        let gift = json!({"streamerId": BROADCASTER, "characterName": typed});
        let gift = app.post("/api/gift-requests").viewer("cid").json(&gift).send().await.success(201);
        assert_eq!(gift["characterName"], name);
        app.finish().await;
    }
}

#[tokio::test]
async fn at_the_desktop() {
    for typed in TYPED {
        let app = TestApp::start().await;
        app.enrolled("ann", NAME).await;
        app.advance(240);
        app.draw().await;
        let candidate = app.get("/api/roulette/candidate").desktop().send().await.ok();
        let cycle = &candidate["spinCycleId"];
        app.advance(30);
        let found =
            |name: &str| json!({"schemaVersion": 1, "spinCycleId": cycle, "characterName": name, "online": true});
        assert_eq!(post(&app, "/api/roulette/verify-candidate", &found("Еіжикий")).await, 400);
        assert_eq!(post(&app, "/api/roulette/verify-candidate", &found(typed)).await, 200, "{typed:?}");
        let payouts = app.get("/api/payouts/pending").desktop().send().await.ok();
        assert_eq!(payouts[0]["characterName"], NAME);
        let confirm = format!("/api/payouts/{}/confirm-acceptance", payouts[0]["id"].as_str().unwrap());
        assert_eq!(post(&app, &confirm, &json!({"characterName": "Ежикий"})).await, 400);
        assert_eq!(post(&app, &confirm, &json!({"characterName": typed})).await, 200, "{typed:?}");
        app.finish().await;
    }
}
