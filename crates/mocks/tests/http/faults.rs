//! Faults on any route, and on deliveries.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::post;
use http::{Method, StatusCode};
use mgm_mocks::helix::{HelixConfig, router};
use mgm_mocks::world::Fixture;
use mgm_mocks::{eventsub, jwt, synthetic_desktop};
use mgm_settings::Settings;
use mgm_system::RandomSource;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{NOW, Running, answer, assert_error, clock, start};
use crate::world;

fn lenient() -> Running {
    let random = Arc::new(RandomSource::from_system());
    start(router(HelixConfig { strict: false, fixture: Fixture::of_strangers(), clock: clock(), random }))
}

async fn ask_for(mock: &Running, faults: Value) {
    let (status, waiting) = answer(mock.post("/faults", &faults)).await;
    assert_eq!(status, StatusCode::OK, "{waiting}");
}

async fn last(mock: &Running) -> Value {
    mock.get("/requests").await.1["requests"].as_array().unwrap().last().unwrap().clone()
}

const MESSAGE: &str = r#"{"broadcaster_id":"b","sender_id":"b","message":"hello"}"#;

#[tokio::test]
async fn a_script_runs_call_by_call_on_any_route() {
    let mock = lenient();
    let users = json!({"method": "GET", "path": "/helix/users"});
    ask_for(
        &mock,
        json!([
            {"kind": "status", "after": 1, "match": users},
            {"kind": "reply_lost", "times": 2, "match": users},
        ]),
    )
    .await;
    let mut seen = vec![];
    for _ in 0..5 {
        // Another route does not move the script on.
        assert_eq!(mock.get("/helix/channels?broadcaster_id=1").await.0, StatusCode::OK);
        let response = mock.request(Method::GET, "/helix/users?id=1").send().await;
        seen.push(response.map_or(0, |response| response.status().as_u16()));
    }
    assert_eq!(seen, [200, 500, 0, 0, 200]);
    assert_eq!(mock.get("/faults").await.1, json!([]));
    let faults: Vec<_> = {
        let (_, journal) = mock.get("/requests?path=/helix/users").await;
        journal["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (entry["verdict"].clone(), entry["fault"].clone()))
            .collect()
    };
    let lost = (json!("cut"), json!("reply_lost"));
    let plain = (json!("answered"), Value::Null);
    assert_eq!(faults, [plain.clone(), (json!("answered"), json!("status")), lost.clone(), lost, plain]);
}

#[tokio::test]
async fn what_is_left_is_shown_and_can_be_taken_back() {
    let mock = lenient();
    ask_for(
        &mock,
        json!([
            {"kind": "delay", "delayMs": 1, "after": 1, "times": 3, "match": {"path": "/helix/*", "token": "hush"}},
            {"kind": "not_sent"},
            {"kind": "late", "match": {"message_type": "revocation"}},
        ]),
    )
    .await;
    for _ in 0..2 {
        let asked = mock.request(Method::GET, "/helix/users?id=1").bearer_auth("hush");
        assert_eq!(answer(asked).await.0, StatusCode::OK);
    }
    let (_, left) = mock.get("/faults").await;
    assert_eq!((&left[0]["kind"], &left[0]["times"], left[0].get("after")), (&json!("slow"), &json!(2), None));
    assert!(left[0]["match"]["token_fingerprint"].is_string() && !left.to_string().contains("hush"), "{left}");
    assert_eq!(left[1], json!({"kind": "not_sent", "route": "chat", "times": 1}));
    let delete = async |query: &str| {
        let deleted = mock.request(Method::DELETE, &format!("/faults{query}")).send().await.unwrap();
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
        mock.get("/faults").await.1.as_array().unwrap().len()
    };
    assert_eq!(delete("?token=hush").await, 2);
    assert_eq!(delete("").await, 0);
}

#[tokio::test]
async fn clients_and_tokens_have_faults_of_their_own() {
    let mock = world::mock();
    ask_for(
        &mock,
        json!([
            {"kind": "status", "status": 503, "times": 9, "match": {"token": "anns-token"}},
            {"kind": "status", "status": 418, "times": 9, "match": {"client_id": "other-app"}},
        ]),
    )
    .await;
    let users = "/helix/users?id=1001";
    assert_eq!(world::get(&mock, "anns-token", users).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world::get(&mock, "bobs-token", users).await.0, StatusCode::OK);
    for (client, secret, status) in [("app", "app-secret", 200), ("other-app", "other-secret", 418)] {
        let form = format!("client_id={client}&client_secret={secret}&grant_type=client_credentials");
        let response = mock.request(Method::POST, "/oauth2/token").body(form).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{client}");
    }
}

#[tokio::test]
async fn a_caller_who_may_not_call_uses_up_no_fault() {
    let mock = world::mock();
    ask_for(&mock, json!([{"kind": "status", "status": 503, "match": {"path": "/helix/*"}}])).await;
    let users = "/helix/users?id=1001";
    assert_eq!(world::get(&mock, "unknown", users).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(world::get(&mock, "anns-token", users).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world::get(&mock, "anns-token", users).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_limited_call_says_when_to_come_back() {
    let mock = lenient();
    let token = json!({"kind": "rate_limited", "route": "token", "retryAfterSeconds": 9});
    ask_for(&mock, json!([{"kind": "rate_limited", "retryAfterSeconds": 7}, token])).await;
    let response = mock.request(Method::POST, "/helix/chat/messages").body(MESSAGE).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let headers = response.headers();
    assert_eq!(
        (&headers["retry-after"], &headers["ratelimit-remaining"]),
        (&"7".parse().unwrap(), &"0".parse().unwrap())
    );
    assert_eq!(headers["ratelimit-reset"], (NOW.unix_timestamp() + 7).to_string());
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({"error": "Too Many Requests", "status": 429, "message": "Too Many Requests"}));
    assert_eq!(mock.get("/sent").await.1["total"], 0);

    let response = mock.request(Method::POST, "/oauth2/token").body("client_id=a").send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "9");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"status": 429, "message": "Too Many Requests"}));
}

#[tokio::test]
async fn a_slow_body_comes_whole_and_its_request_is_carried_out() {
    let mock = lenient();
    ask_for(&mock, json!([{"kind": "slow_body", "delayMs": 10}])).await;
    let response = mock.request(Method::POST, "/helix/chat/messages").body(MESSAGE).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let body = response.bytes().await.unwrap();
    assert_eq!(body.len(), length);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["data"][0]["is_sent"], true);
    assert_eq!(mock.get("/sent").await.1["total"], 1);
    let entry = last(&mock).await;
    assert_eq!((&entry["fault"], &entry["answerBody"]["data"][0]["is_sent"]), (&json!("slow_body"), &json!(true)));
}

#[tokio::test]
async fn a_reset_is_one_and_nothing_is_carried_out() {
    let mock = lenient();
    ask_for(&mock, json!([{"kind": "reset"}, {"kind": "dropped"}])).await;
    for (kind, ends) in [("reset", Some(ErrorKind::ConnectionReset)), ("dropped", None)] {
        let mut stream = TcpStream::connect(mock.address).await.unwrap();
        let head =
            format!("POST /helix/chat/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", MESSAGE.len());
        stream.write_all(format!("{head}{MESSAGE}").as_bytes()).await.unwrap();
        let mut answer = vec![];
        let end = stream.read_to_end(&mut answer).await;
        assert_eq!((end.err().map(|error| error.kind()), answer.len()), (ends, 0), "{kind}");
        let entry = last(&mock).await;
        assert_eq!((&entry["verdict"], &entry["fault"], &entry["status"]), (&json!("cut"), &json!(kind), &Value::Null));
    }
    assert_eq!(mock.get("/sent").await.1["total"], 0);
}

#[tokio::test]
async fn nothing_is_half_of_nothing() {
    let mock = lenient();
    ask_for(&mock, json!([{"kind": "truncated", "match": {"path": "/oauth2/revoke"}}])).await;
    let request = mock.request(Method::POST, "/oauth2/revoke").body("client_id=a&token=t");
    assert!(request.send().await.unwrap_err().is_request());
    assert_eq!(last(&mock).await["verdict"], "cut");
}

#[tokio::test]
async fn the_other_stand_ins_have_faults_too() {
    let settings = Settings::default();
    let eventsub = eventsub::router(eventsub::EventSubConfig::from_settings(&settings)).unwrap();
    let jwt = jwt::router(jwt::JwtConfig::from_settings(&settings));
    let desktop =
        synthetic_desktop::router(synthetic_desktop::SyntheticDesktopConfig::from_settings(&settings).unwrap())
            .unwrap();
    for (router, method, path) in [
        (eventsub, Method::POST, "/api/twitch/eventsub"),
        (jwt, Method::GET, "/token?userId=1"),
        (desktop, Method::POST, "/run-sequence"),
    ] {
        let mock = start(router);
        ask_for(
            &mock,
            json!([
                {"kind": "status", "status": 503},
                {"kind": "rate_limited"},
                {"kind": "not_sent", "match": {"method": method.as_str()}},
                {"kind": "dropped"},
            ]),
        )
        .await;
        let ask = || mock.request(method.clone(), path);
        assert_error(answer(ask()).await, StatusCode::SERVICE_UNAVAILABLE, "injected_fault");
        assert_error(answer(ask()).await, StatusCode::TOO_MANY_REQUESTS, "rate_limited");
        assert_eq!(answer(ask()).await, (StatusCode::OK, json!({})), "{path}");
        ask().send().await.unwrap_err();
        let named = answer(mock.post("/faults", &json!([{"kind": "slow", "route": "chat"}]))).await;
        assert_error(named, StatusCode::BAD_REQUEST, "invalid_payload");
        assert_eq!(mock.request(Method::POST, "/reset").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_is_refused() {
    let mock = lenient();
    for wrong in [
        json!({"kind": "slow", "retryAfterSeconds": 1}),
        json!({"kind": "late", "route": "chat"}),
        json!({"kind": "twice", "delayMs": 1}),
        json!({"kind": "slow", "match": {"status": 200}}),
        json!({"kind": "slow", "match": {"since": 1}}),
        json!({"kind": "slow", "match": {"colour": "red"}}),
        json!({"kind": "not_sent", "route": "token", "dropReason": {"code": "a"}}),
    ] {
        let refused = answer(mock.post("/faults", &json!([wrong]))).await;
        assert_error(refused, StatusCode::BAD_REQUEST, "invalid_payload");
    }
}

#[tokio::test]
async fn a_delivery_fails_as_it_is_told_to() {
    let mock = lenient();
    let received = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&received);
    let receive = async move |body: String| {
        count.fetch_add(1, Ordering::SeqCst);
        serde_json::from_str::<Value>(&body).unwrap()["challenge"].as_str().unwrap_or_default().to_owned()
    };
    let callback = start(Router::new().route("/hook", post(receive)));
    let wanted = json!({
        "type": "channel.chat.message", "version": "1",
        "condition": {"broadcaster_user_id": "b", "user_id": "b"},
        "transport": {"method": "webhook", "callback": format!("http://{}/hook", callback.address), "secret": "0123456789"},
    });
    ask_for(
        &mock,
        json!([
            {"kind": "not_delivered", "match": {"message_type": "revocation"}},
            {"kind": "twice", "match": {"message_type": "revocation"}},
            {"kind": "late", "delayMs": 1, "match": {"path": "/hook", "message_type": "revocation"}},
            {"kind": "answer_lost", "match": {"message_type": "revocation"}},
        ]),
    )
    .await;
    let made = answer(mock.post("/helix/eventsub/subscriptions", &wanted)).await.1;
    let enabled = "/requests/wait?kind=delivery&message_type=webhook_callback_verification&timeout_seconds=60";
    assert_eq!(mock.get(enabled).await.0, StatusCode::OK);
    let before = received.load(Ordering::SeqCst);
    let revoke = json!({"id": made["data"][0]["id"], "status": "authorization_revoked"});
    for (kind, status, times, verdict) in [
        ("not_delivered", Value::Null, 0, "withheld"),
        ("twice", json!(200), 2, "answered"),
        ("late", json!(200), 1, "answered"),
        ("answer_lost", Value::Null, 1, "answered"),
    ] {
        let already = received.load(Ordering::SeqCst);
        let (_, revoked) = answer(mock.post("/eventsub/revoke", &revoke)).await;
        assert_eq!(revoked["callbackStatus"], status, "{kind}");
        assert_eq!(received.load(Ordering::SeqCst) - already, times, "{kind}");
        let (_, journal) = mock.get("/requests?kind=delivery").await;
        let entry = journal["requests"].as_array().unwrap().last().unwrap();
        assert_eq!((&entry["fault"], &entry["verdict"]), (&json!(kind), &json!(verdict)));
    }
    assert_eq!(received.load(Ordering::SeqCst) - before, 4);
    assert_eq!(mock.get("/faults").await.1, json!([]));
}
