//! No array is accepted in place of an object in any stand-in's bodies.

use http::{HeaderValue, StatusCode};
use mgm_mocks::helix::{self, HelixConfig};
use mgm_mocks::synthetic_desktop::{self, SyntheticDesktopConfig};
use mgm_settings::Settings;
use serde_json::{Value, json};

use crate::support::{Running, answer, assert_error, clock, nowhere, start};

const ID: &str = "6f1c0f3e-93a5-4a64-a0cb-6f0b6bd3a0b1";

async fn is_refused(mock: &Running, path: &str, body: &Value) {
    assert_error(answer(mock.post(path, body)).await, StatusCode::BAD_REQUEST, "invalid_payload");
}

#[tokio::test]
async fn an_order_to_the_desktop_is_an_object() {
    let (_taken, backend) = nowhere();
    let api_key = Some(HeaderValue::from_static("the-key"));
    let mock = start(synthetic_desktop::router(SyntheticDesktopConfig { backend, api_key, clock: clock() }).unwrap());
    for body in [json!([ID, "Hero"]), json!([]), json!([{"payoutId": ID, "characterName": "Hero"}]), json!("text")] {
        is_refused(&mock, "/run-sequence", &body).await;
    }
    let order = json!({"payoutId": ID, "characterName": "Hero"});
    assert_eq!(answer(mock.post("/run-sequence", &order)).await.0, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn what_the_mock_helix_is_told_is_objects() {
    let mock = start(helix::router(HelixConfig {
        strict: false,
        ..HelixConfig::from_settings(&Settings::default()).unwrap()
    }));
    for body in [json!([["status", "chat", 500, 1, null]]), json!([["reply_lost"]]), json!({"kind": "slow"})] {
        is_refused(&mock, "/faults", &body).await;
    }
    assert_eq!(mock.get("/faults").await, (StatusCode::OK, json!([])));
    for body in [json!([]), json!([null, "authorization_revoked"]), json!([ID])] {
        is_refused(&mock, "/eventsub/revoke", &body).await;
    }
    let transport = json!({"method": "webhook", "callback": "http://127.0.0.1:9/", "secret": "0123456789"});
    let wanted = |transport: &Value| json!({"type": "t", "version": "1", "condition": {}, "transport": transport});
    for body in [
        json!(["t", "1", {}, transport]),
        wanted(&json!(["webhook", "http://127.0.0.1:9/", "0123456789"])),
        json!({"type": "t", "version": "1", "condition": [], "transport": transport}),
        json!([wanted(&transport)]),
    ] {
        let (status, refusal) = answer(mock.post("/helix/eventsub/subscriptions", &body)).await;
        assert_eq!((status, &refusal["status"]), (StatusCode::BAD_REQUEST, &json!(400)), "{body}");
    }
    for body in [json!([]), json!(["b", "s", "text"])] {
        let (status, _) = answer(mock.post("/helix/chat/messages", &body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(mock.get("/sent").await.1["total"], 0);
    let made = answer(mock.post("/helix/eventsub/subscriptions", &wanted(&transport))).await;
    assert_eq!(made.0, StatusCode::ACCEPTED);
}
