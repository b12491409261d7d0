use axum::Router;
use http::{Method, StatusCode};
use mgm_mocks::{eventsub, helix, jwt, synthetic_desktop};
use mgm_settings::Settings;
use serde_json::{Value, json};

use crate::support::{answer, assert_error, start};

/// Each stand-in with the text of its health.
pub fn all() -> [(Router, &'static str); 4] {
    let settings = Settings::default();
    let eventsub = eventsub::router(eventsub::EventSubConfig::from_settings(&settings)).unwrap();
    let jwt = jwt::router(jwt::JwtConfig::from_settings(&settings));
    let helix = helix::router(helix::HelixConfig::from_settings(&settings).unwrap());
    let desktop =
        synthetic_desktop::router(synthetic_desktop::SyntheticDesktopConfig::from_settings(&settings).unwrap())
            .unwrap();
    [
        (eventsub, r#"{"status":"ok","service":"MockEventSubWebhook"}"#),
        (jwt, r#"{"status":"ok","service":"MockExtensionJwt"}"#),
        (helix, r#"{"status":"healthy","component":"MockHelixApi"}"#),
        (desktop, r#"{"status":"healthy","component":"SyntheticDesktop"}"#),
    ]
}

#[tokio::test]
async fn each_says_who_it_is() {
    for (router, health) in all() {
        let response = start(router).request(Method::GET, "/health").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert!(response.headers().contains_key("x-request-id"));
        assert_eq!(response.text().await.unwrap(), health);
    }
}

#[tokio::test]
async fn errors_of_the_framework_have_the_common_shape() {
    for (router, name) in all() {
        let mock = start(router);
        assert_error(mock.get("/nothing").await, StatusCode::NOT_FOUND, "not_found");
        for path in ["/health", "/requests"] {
            let refusal = answer(mock.request(Method::PUT, path)).await;
            assert_error(refusal, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        }
        let too_long = answer(mock.request(Method::POST, "/reset").body(vec![b'x'; 1024 * 1024 + 1])).await;
        assert_error(too_long, StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large");
        let fits = mock.request(Method::POST, "/reset").body(vec![b'x'; 1024 * 1024]).send().await.unwrap();
        assert_eq!(fits.status(), StatusCode::NO_CONTENT, "{name}");
    }
}

#[tokio::test]
async fn a_wrong_method_on_a_route_of_the_other_party_is_405_in_its_words() {
    let said = |path: &str, method: &Method| format!("{method} is not possible at {path}");
    for ((router, name), (method, path, error)) in all().into_iter().zip([
        (Method::GET, "/api/twitch/eventsub", None),
        (Method::POST, "/token", None),
        (Method::GET, "/helix/chat/messages", Some("Method Not Allowed")),
        (Method::GET, "/run-sequence", None),
    ]) {
        let (status, body) = answer(start(router).request(method.clone(), path)).await;
        match error {
            None => assert_error((status, body), StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Some(error) => {
                let expected = json!({"error": error, "status": 405, "message": said(path, &method)});
                assert_eq!((status, body), (StatusCode::METHOD_NOT_ALLOWED, expected), "{name}");
            }
        }
    }
    let [_, _, (helix, _), _] = all();
    let mock = start(helix);
    let wrong = mock.request(Method::DELETE, "/mock/users").send().await.unwrap();
    assert_eq!(
        (wrong.status(), &wrong.headers()["ratelimit-limit"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"800".parse().unwrap())
    );
    assert_eq!(wrong.headers()["allow"], "GET,HEAD");
    for (method, path, status) in [(Method::GET, "/oauth2/token", 405), (Method::GET, "/auth/nothing", 404)] {
        let (_, body) = answer(mock.request(method, path)).await;
        assert_eq!(
            (body["status"].as_u64(), body.get("error"), body.get("code")),
            (Some(status), None, None),
            "{body}"
        );
    }
    assert_error(
        answer(mock.request(Method::PUT, "/admin/clock")).await,
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
    );
}

#[tokio::test]
async fn the_journal_shows_what_the_other_party_was_asked_and_in_which_trace_but_no_secret() {
    for (router, name) in all() {
        let mock = start(router);
        assert_eq!(mock.get("/requests").await.1, json!({"total": 0, "requests": []}), "{name}");
        mock.get("/health").await;
        let request = mock.post("/missed?a=b", &json!({"c": 1})).header("Authorization", "Bearer secret");
        let request = request.header("X-Request-Id", "r-1").header("Traceparent", "00-1-2-03");
        assert_eq!(answer(request).await.0, StatusCode::NOT_FOUND);

        let (_, journal) = mock.get("/requests").await;
        let entry = &journal["requests"][0];
        assert_eq!((&journal["total"], journal["requests"].as_array().unwrap().len()), (&json!(1), 1));
        for (field, expected) in [
            ("method", json!("POST")),
            ("path", json!("/missed")),
            ("query", json!("a=b")),
            ("status", json!(404)),
            ("body", json!({"c": 1})),
            ("requestId", json!("r-1")),
            ("traceparent", json!("00-1-2-03")),
            ("tracestate", Value::Null),
            ("verdict", json!("answered")),
        ] {
            assert_eq!(entry[field], expected, "{field}");
        }
        assert!(entry["headers"]["authorization"].as_str().unwrap().starts_with("Bearer (…"), "{entry}");
        assert_eq!(entry["answerBody"]["code"], "not_found");
        assert!(!journal.to_string().contains("secret"), "{journal}");

        mock.request(Method::POST, "/reset").send().await.unwrap();
        assert_eq!(mock.get("/requests").await.1["requests"], Value::Array(Vec::new()));
    }
}
