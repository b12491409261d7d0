//! The world of a fixture, and its admin API.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use mgm_mocks::helix::{HelixConfig, router};
use mgm_mocks::world::{Fixture, FixtureError};
use mgm_settings::Settings;
use mgm_system::ManualClock;
use serde_json::{Value, json};

use crate::support::{NOW, Running, answer, assert_error, clock, start};

/// The documented fixture.
pub fn fixture() -> Fixture {
    Fixture::from_toml(include_str!("../../examples/world.toml")).unwrap()
}

pub fn mock() -> Running {
    mock_with(|_| ())
}

pub fn mock_with(change: impl FnOnce(&mut Fixture)) -> Running {
    let mut fixture = fixture();
    change(&mut fixture);
    let settings = HelixConfig::from_settings(&Settings::default()).unwrap();
    start(router(HelixConfig { strict: true, fixture, clock: clock(), ..settings }))
}

/// Calls Helix with a token of the client `app`.
pub async fn ask(mock: &Running, token: &str, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let request = mock.request(method, path).bearer_auth(token).header("client-id", "app").body(body.to_string());
    let response = request.send().await.unwrap();
    let status = response.status();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
    if status.is_client_error() {
        assert_eq!(body["status"], status.as_u16(), "{body}");
        assert_eq!(body["error"], status.canonical_reason().unwrap(), "{body}");
    }
    (status, body)
}

pub async fn get(mock: &Running, token: &str, path: &str) -> (StatusCode, Value) {
    ask(mock, token, Method::GET, path, Value::Null).await
}

pub async fn app_token(mock: &Running) -> String {
    let form = "client_id=app&client_secret=app-secret&grant_type=client_credentials";
    let (status, body) = answer(mock.request(Method::POST, "/oauth2/token").body(form)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

/// Calls the admin API; returns the answer's body, if it has one.
pub async fn admin(mock: &Running, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let response = mock.request(method, &format!("/admin/{path}")).body(body.to_string()).send().await.unwrap();
    let status = response.status();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
}

pub async fn advance(mock: &Running, seconds: u32) {
    let moved = admin(mock, Method::POST, "clock", json!({"advance_seconds": seconds})).await;
    assert_eq!(moved.0, StatusCode::OK, "{moved:?}");
}

async fn status(mock: &Running, token: &str, path: &str) -> u16 {
    get(mock, token, path).await.0.as_u16()
}

#[tokio::test]
async fn the_world_is_changed_by_the_admin_api_and_reset_to_the_fixture() {
    let mock = mock();
    let bobs = "/helix/subscriptions/user?broadcaster_id=1001&user_id=1003";
    assert_eq!(status(&mock, "bobs-token", bobs).await, 404);
    let path = "subscriptions/1001/1003";
    let made = admin(&mock, Method::PUT, path, json!({"tier": "3000"})).await;
    assert_eq!(made, (StatusCode::OK, json!({"broadcaster_id": "1001", "user_id": "1003", "tier": "3000"})));
    assert_eq!(get(&mock, "bobs-token", bobs).await.1["data"][0]["tier"], "3000");
    let changed = admin(&mock, Method::PATCH, path, json!({"gifter_id": "1002"})).await.1;
    assert_eq!((&changed["tier"], &changed["gifter_id"]), (&json!("3000"), &json!("1002")));
    let changed = admin(&mock, Method::PATCH, path, json!({"tier": null, "gifter_id": null})).await.1;
    assert_eq!(changed, json!({"broadcaster_id": "1001", "user_id": "1003", "tier": "1000"}));
    assert_eq!(admin(&mock, Method::GET, path, Value::Null).await.1, changed);
    assert_eq!(admin(&mock, Method::GET, "subscriptions", Value::Null).await.1.as_array().unwrap().len(), 3);
    assert_eq!(admin(&mock, Method::DELETE, path, Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(status(&mock, "bobs-token", bobs).await, 404);

    for token in ["anns-token", "bobs-token"] {
        let removed = admin(&mock, Method::DELETE, "users/1003", Value::Null).await;
        assert_eq!(removed.0, if token == "anns-token" { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND });
    }
    assert_eq!(get(&mock, "anns-token", "/helix/users?login=bob").await.1["data"], json!([]));
    assert_eq!(mock.request(Method::POST, "/reset").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(get(&mock, "anns-token", "/helix/users?login=bob").await.1["data"][0]["id"], "1003");
    assert_eq!(mock.get("/admin/world").await.1, serde_json::to_value(fixture()).unwrap());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let mock = mock();
    let before = mock.get("/admin/world").await.1;
    for (method, path, body) in [
        (Method::PUT, "users/1005", json!({"colour": "red"})),
        (Method::PUT, "users/1005", json!({"id": "1006"})),
        (Method::PUT, "users/1005", json!([])),
        (Method::PATCH, "users/1001", json!({"login": 5})),
        (Method::PUT, "subscriptions/1001/9", json!({})),
        (Method::PUT, "subscriptions/1001/1003", json!({"tier": "4000"})),
        (Method::PUT, "grants/nobodys-app/1001", json!({"scopes": []})),
        (Method::PUT, "extensions/extension", json!({"secret": "no base64!"})),
        (Method::PUT, "limits", json!({"points": 5})),
        (Method::POST, "clock", json!({"advance_seconds": -5})),
        (Method::POST, "clock", json!({})),
        (Method::POST, "clock", json!({"now": "yesterday"})),
        (Method::POST, "clock", json!({"now": "9001-01-01T00:00:00Z"})),
        (Method::POST, "clock", json!({"frozen": "yes"})),
    ] {
        let refused = admin(&mock, method, path, body.clone()).await;
        assert_error(refused, StatusCode::BAD_REQUEST, "invalid_payload");
    }
    for (method, path) in [
        (Method::GET, "users/1005"),
        (Method::PATCH, "users/1005"),
        (Method::DELETE, "bans/1001/1002"),
        (Method::POST, "devices/UNKNOWN"),
    ] {
        let refused = admin(&mock, method, path, json!({"user_id": "1001"})).await;
        assert_error(refused, StatusCode::NOT_FOUND, "not_found");
    }
    assert_eq!(mock.get("/admin/world").await.1, before);
}

#[tokio::test]
async fn time_passes_when_it_is_told_to_and_tokens_with_it() {
    let mock = mock();
    let (users, app) = ("/helix/users?id=1001", app_token(&mock).await);
    assert_eq!(mock.get("/admin/clock").await.1, json!({"now": "2026-04-05T12:00:00.250000000Z", "frozen": false}));
    assert_eq!(status(&mock, "streamers-short-token", users).await, 200);
    advance(&mock, 59).await;
    assert_eq!(status(&mock, "streamers-short-token", users).await, 200);
    advance(&mock, 1).await;
    assert_eq!(status(&mock, "streamers-short-token", users).await, 401);
    assert_eq!(status(&mock, "streamers-token", users).await, 200);
    advance(&mock, 5_011_271 - 61).await;
    assert_eq!(status(&mock, &app, users).await, 200);
    advance(&mock, 1).await;
    assert_eq!(status(&mock, &app, users).await, 401);
    assert_eq!(mock.request(Method::POST, "/reset").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(mock.get("/admin/clock").await.1, json!({"now": "2026-04-05T12:00:00.250000000Z", "frozen": false}));
    assert_eq!(status(&mock, "streamers-short-token", users).await, 200);
}

#[tokio::test]
async fn time_is_set_and_stopped() {
    let mut config = HelixConfig::from_settings(&Settings::default()).unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    (config.strict, config.fixture, config.clock) = (true, fixture(), Arc::<ManualClock>::clone(&clock));
    let mock = start(router(config));
    let users = "/helix/users?id=1001";
    for (change, now, frozen, token) in [
        (json!({"now": "2026-04-05T11:00:00Z"}), "2026-04-05T11:00:00", false, 200),
        (
            json!({"now": "2026-04-05T12:00:30Z", "advance_seconds": 29, "frozen": true}),
            "2026-04-05T12:00:59",
            true,
            200,
        ),
        (json!({"advance_seconds": 2}), "2026-04-05T12:01:01", true, 401),
        (json!({"now": "2026-04-05T12:00:00Z"}), "2026-04-05T12:00:00", true, 200),
        (json!({"frozen": false}), "2026-04-05T12:00:00", false, 200),
    ] {
        let shown = json!({"now": format!("{now}.000000000Z"), "frozen": frozen});
        assert_eq!(
            admin(&mock, Method::POST, "clock", change.clone()).await,
            (StatusCode::OK, shown.clone()),
            "{change}"
        );
        assert_eq!(status(&mock, "streamers-short-token", users).await, token, "{change}");
        if frozen {
            clock.advance(Duration::from_secs(3600));
            assert_eq!(mock.get("/admin/clock").await.1, shown, "{change}");
        }
    }
    clock.advance(Duration::from_secs(61));
    assert_eq!(mock.get("/admin/clock").await.1["now"], "2026-04-05T12:01:01.000000000Z");
    assert_eq!(status(&mock, "streamers-short-token", users).await, 401);
}

#[tokio::test]
async fn a_grant_that_is_taken_back_ends_its_tokens() {
    let mock = mock();
    let users = "/helix/users?id=1001";
    let query = "client_id=app&client_secret=app-secret&grant_type=user_token&user_id=1002&scope=user:bot";
    let (_, pair) = answer(mock.request(Method::POST, &format!("/auth/authorize?{query}"))).await;
    let issued = pair["access_token"].as_str().unwrap();
    for token in [issued, "anns-token"] {
        assert_eq!(status(&mock, token, users).await, 200);
    }
    assert_eq!(admin(&mock, Method::DELETE, "grants/app/1002", Value::Null).await.0, StatusCode::NO_CONTENT);
    for token in [issued, "anns-token"] {
        assert_eq!(status(&mock, token, users).await, 401);
    }
    assert_eq!(status(&mock, "streamers-token", users).await, 200);
    // A new grant brings its own tokens.
    let granted = json!({"scopes": ["user:bot"], "tokens": [{"access_token": "anns-next-token"}]});
    assert_eq!(admin(&mock, Method::PUT, "grants/app/1002", granted).await.0, StatusCode::OK);
    assert_eq!(status(&mock, "anns-next-token", users).await, 200);
}

#[test]
fn a_fixture_is_read_from_the_file_that_the_settings_name() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    let mut read = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        settings.mock_helix.fixture = Some(path);
        HelixConfig::from_settings(&settings)
    };
    let config = read("world.toml", "[[users]]\nid = \"1\"").unwrap();
    assert!(config.strict && config.fixture.users.has(&["1"]) && !config.fixture.strangers);
    assert!(read("world.json", r#"{"users": [{"id": "1"}]}"#).unwrap().fixture.users.has(&["1"]));
    let error = read("world.toml", "[[users]]\nid = \"1\"\ncolour = \"red\"").unwrap_err();
    assert!(matches!(error, FixtureError::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("world.toml: users[0].colour: unknown field `colour`"), "{error}");
    settings.mock_helix.fixture = Some(directory.path().join("nowhere.toml"));
    let error = HelixConfig::from_settings(&settings).unwrap_err();
    assert!(error.to_string().contains("nowhere.toml cannot be read"), "{error}");
}
