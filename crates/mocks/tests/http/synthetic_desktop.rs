use http::{HeaderValue, Method, StatusCode};
use mgm_mocks::synthetic_desktop::{SyntheticDesktopConfig, router};
use mgm_settings::Settings;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::support::{Backend, Running, answer, assert_error, clock, nowhere, start, url};

const PAYOUT: &str = "6f1c0f3e-93a5-4a64-a0cb-6f0b6bd3a0b1";
/// `support::NOW`.
const COMPLETED: &str = "2026-04-05T12:00:00.250Z";

fn mock(backend: Url, api_key: Option<&'static str>) -> Running {
    let api_key = api_key.map(HeaderValue::from_static);
    start(router(SyntheticDesktopConfig { backend, api_key, clock: clock() }).unwrap())
}

fn order() -> Value {
    json!({"payoutId": PAYOUT, "characterName": "Этогерой"})
}

fn ok(body: &str) -> (StatusCode, &'static str, Vec<u8>) {
    (StatusCode::OK, "application/json", body.as_bytes().to_vec())
}

fn never_run() -> Value {
    json!({"ok": false, "steps": [], "error": null, "completedAtUtc": null})
}

#[tokio::test]
async fn a_run_makes_the_three_calls_of_the_desktop_program() {
    let (backend, running) = Backend::start([ok("{\"a\":1}"), ok(""), ok("sent")]);
    let mock = mock(url(running.address), Some("the-key"));
    assert_eq!(mock.get("/last-run").await, (StatusCode::OK, never_run()));

    let run = answer(mock.post("/run-sequence", &order())).await;
    let expected = json!({
        "ok": true,
        "steps": [
            {"name": "POST confirm-acceptance", "statusCode": 200, "bodySnippet": "{\"a\":1}"},
            {"name": "PATCH status InProgress", "statusCode": 200, "bodySnippet": ""},
            {"name": "PATCH status Sent", "statusCode": 200, "bodySnippet": "sent"},
        ],
        "error": null,
        "completedAtUtc": COMPLETED,
    });
    assert_eq!(run, (StatusCode::OK, expected.clone()));
    assert_eq!(mock.get("/last-run").await, (StatusCode::OK, expected));

    let calls = [
        (Method::POST, "confirm-acceptance", json!({"characterName": "Этогерой"})),
        (Method::PATCH, "status", json!({"status": "inProgress"})),
        (Method::PATCH, "status", json!({"status": "sent"})),
    ];
    let seen = backend.seen();
    assert_eq!(seen.len(), calls.len());
    for (seen, (method, path, body)) in seen.iter().zip(calls) {
        assert_eq!((&seen.method, seen.path.as_str()), (&method, format!("/api/payouts/{PAYOUT}/{path}").as_str()));
        assert_eq!(serde_json::from_slice::<Value>(&seen.body).unwrap(), body);
        assert_eq!(seen.headers["x-mgm-apikey"], "the-key");
        assert_eq!(seen.headers["content-type"], "application/json");
    }

    let reset = mock.request(Method::POST, "/reset").send().await.unwrap();
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    assert_eq!(mock.get("/last-run").await, (StatusCode::OK, never_run()));
}

#[tokio::test]
async fn a_run_stops_at_the_first_step_that_fails() {
    let (backend, running) = Backend::start([ok("yes"), (StatusCode::CONFLICT, "text/plain", b"no".to_vec())]);
    let mock = mock(url(running.address), Some("the-key"));
    let run = answer(mock.post("/run-sequence", &order())).await;
    let expected = json!({
        "ok": false,
        "steps": [
            {"name": "POST confirm-acceptance", "statusCode": 200, "bodySnippet": "yes"},
            {"name": "PATCH status InProgress", "statusCode": 409, "bodySnippet": "no"},
        ],
        "error": "PATCH status InProgress: the backend answered 409 Conflict",
        "completedAtUtc": COMPLETED,
    });
    assert_eq!(run, (StatusCode::BAD_GATEWAY, expected.clone()));
    assert_eq!(mock.get("/last-run").await, (StatusCode::OK, expected));
    assert_eq!(backend.seen().len(), 2);
}

#[tokio::test]
async fn a_backend_that_is_away_fails_the_run_with_the_reason() {
    let (_held, nowhere) = nowhere();
    let mock = mock(nowhere, Some("the-key"));
    let (status, run) = answer(mock.post("/run-sequence", &order())).await;
    assert_eq!((status, &run["ok"], &run["steps"]), (StatusCode::BAD_GATEWAY, &json!(false), &json!([])));
    assert!(run["error"].as_str().unwrap().starts_with("POST confirm-acceptance: "), "{run}");
}

#[tokio::test]
async fn a_snippet_has_five_hundred_characters_at_most_and_cuts_none_in_two() {
    let long = "я".repeat(501);
    let (_, running) = Backend::start([(StatusCode::NOT_FOUND, "text/plain", long.into_bytes())]);
    let mock = mock(url(running.address), Some("the-key"));
    let (_, run) = answer(mock.post("/run-sequence", &order())).await;
    assert_eq!(run["steps"][0]["bodySnippet"], "я".repeat(500));
}

#[tokio::test]
async fn an_order_without_payout_or_name_is_refused_and_is_no_run() {
    let (backend, running) = Backend::start([]);
    let mock = mock(url(running.address), Some("the-key"));
    for body in [
        "",
        "{}",
        "[]",
        r#"{"payoutId": "00000000-0000-0000-0000-000000000000", "characterName": "Etoehero"}"#,
        r#"{"payoutId": "7", "characterName": "Etoehero"}"#,
        r#"{"characterName": "Etoehero"}"#,
        r#"{"payoutId": "6f1c0f3e-93a5-4a64-a0cb-6f0b6bd3a0b1"}"#,
        r#"{"payoutId": "6f1c0f3e-93a5-4a64-a0cb-6f0b6bd3a0b1", "characterName": " "}"#,
    ] {
        let refusal = answer(mock.request(Method::POST, "/run-sequence").body(body)).await;
        assert_error(refusal, StatusCode::BAD_REQUEST, "invalid_payload");
    }
    assert!(backend.seen().is_empty());
    assert_eq!(mock.get("/last-run").await, (StatusCode::OK, never_run()));
}

#[tokio::test]
async fn without_a_key_every_run_fails() {
    let mut settings = Settings::default();
    settings.mgm.api_key = Some(SecretString::from(" "));
    let config = SyntheticDesktopConfig { clock: clock(), ..SyntheticDesktopConfig::from_settings(&settings).unwrap() };
    let mock = start(router(config).unwrap());
    let (status, run) = answer(mock.post("/run-sequence", &order())).await;
    let expected = json!({
        "ok": false, "steps": [], "error": "Mgm__ApiKey is not configured", "completedAtUtc": COMPLETED,
    });
    assert_eq!((status, run), (StatusCode::INTERNAL_SERVER_ERROR, expected.clone()));
    assert_eq!(mock.get("/last-run").await, (StatusCode::OK, expected));
}
