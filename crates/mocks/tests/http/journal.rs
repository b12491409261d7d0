//! The journal: filters, waiting, assertions, forgetting, and the export.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use http::{Method, StatusCode};
use mgm_mocks::helix::{HelixConfig, router};
use mgm_mocks::world::Fixture;
use mgm_system::RandomSource;
use serde_json::{Value, json};

use crate::support::{Running, answer, assert_error, clock, start};
use crate::world::{self, app_token};

fn lenient() -> Running {
    let random = Arc::new(RandomSource::from_system());
    start(router(HelixConfig { strict: false, fixture: Fixture::of_strangers(), clock: clock(), random }))
}

/// Says something as a client.
async fn say(mock: &Running, client: &str, text: &str) {
    let message = json!({"broadcaster_id": "b", "sender_id": client, "message": text});
    let request = mock.post("/helix/chat/messages", &message).header("client-id", client);
    let (status, body) = answer(request.bearer_auth(format!("token-of-{client}"))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

async fn requests(mock: &Running, query: &str) -> Vec<Value> {
    let (status, journal) = mock.get(&format!("/requests{query}")).await;
    assert_eq!(status, StatusCode::OK, "{journal}");
    journal["requests"].as_array().unwrap().clone()
}

async fn paths(mock: &Running, query: &str) -> Vec<String> {
    requests(mock, query).await.iter().map(|entry| entry["path"].as_str().unwrap().to_owned()).collect()
}

async fn verify(mock: &Running, query: &str, expect: Value) -> (StatusCode, Value) {
    answer(mock.post(&format!("/requests/verify{query}"), &json!({"expect": expect}))).await
}

#[tokio::test]
async fn an_entry_tells_everything_but_secrets() {
    let mock = world::mock();
    let form = "client_id=app&client_secret=app-secret&grant_type=client_credentials";
    let request = mock.request(Method::POST, "/oauth2/token").header("x-request-id", "r-1");
    let request = request.header("content-type", "application/x-www-form-urlencoded").header("cookie", "session=hush");
    let (_, issued) = answer(request.body(form)).await;
    let token = issued["access_token"].as_str().unwrap();
    let users = mock.request(Method::GET, "/helix/users?id=1001").bearer_auth(token).header("client-id", "app");
    users.send().await.unwrap();

    let entries = requests(&mock, "").await;
    let [of_token, of_users] = &entries[..] else { panic!("{entries:?}") };
    for (field, expected) in [
        ("number", json!(1)),
        ("kind", json!("request")),
        ("receivedAt", json!("2026-04-05T12:00:00.250Z")),
        ("durationMs", json!(0.0)),
        ("requestId", json!("r-1")),
        ("clientId", json!("app")),
        ("tokenFingerprint", Value::Null),
        ("body", json!("client_id=app&client_secret=(not shown)&grant_type=client_credentials")),
        ("bodySize", json!(form.len())),
        ("verdict", json!("answered")),
        ("fault", Value::Null),
        ("status", json!(200)),
        (
            "answerBody",
            json!({"access_token": "(not shown)", "expires_in": issued["expires_in"], "token_type": "bearer"}),
        ),
    ] {
        assert_eq!(of_token[field], expected, "{field}");
    }
    assert_eq!(of_token["answerHeaders"]["content-type"], "application/json");
    assert!(of_token["headers"]["cookie"].as_str().unwrap().starts_with("(…"), "{of_token}");
    let fingerprint = of_users["tokenFingerprint"].as_str().unwrap();
    assert_eq!(of_users["headers"]["authorization"], format!("Bearer (…{fingerprint})"));
    assert_eq!(of_users["answerHeaders"]["ratelimit-limit"], "800");
    assert_eq!(of_users["answerBody"]["data"][0]["login"], "streamer");

    for path in ["/requests", "/requests.har"] {
        let shown = mock.request(Method::GET, path).send().await.unwrap().text().await.unwrap();
        assert!(!shown.contains(token) && !shown.contains("app-secret") && !shown.contains("hush"), "{shown}");
    }
    assert_eq!(requests(&mock, &format!("?token={token}")).await.len(), 1);
    assert_eq!(requests(&mock, &format!("?token_fingerprint={fingerprint}")).await.len(), 1);
}

#[tokio::test]
async fn a_filter_shows_what_fits_it() {
    let mock = lenient();
    say(&mock, "a", "hello").await;
    say(&mock, "b", "bye").await;
    mock.get("/helix/users?id=1").await;
    mock.get("/helix/nothing").await;
    let request = mock.request(Method::POST, "/oauth2/revoke").header("x-test", "one").body("client_id=a&token=t");
    request.send().await.unwrap();
    let chat = "/helix/chat/messages";
    for (query, expected) in [
        ("?method=get", vec!["/helix/users", "/helix/nothing"]),
        ("?path=/helix/users", vec!["/helix/users"]),
        ("?path=/helix/*&status=200", vec![chat, chat, "/helix/users"]),
        ("?status=404", vec!["/helix/nothing"]),
        ("?client_id=a", vec![chat, "/oauth2/revoke"]),
        ("?token=token-of-b", vec![chat]),
        ("?token=t", vec!["/oauth2/revoke"]),
        ("?header=X-Test:one", vec!["/oauth2/revoke"]),
        ("?header=X-Test:two", vec![]),
        ("?since=3", vec!["/helix/nothing", "/oauth2/revoke"]),
        ("?body_contains=hel", vec![chat]),
        ("?json=/message=bye&json=/sender_id=b", vec![chat]),
        ("?json=/message=bye&json=/sender_id=a", vec![]),
        ("?verdict=answered&method=POST&path=/oauth2/*", vec!["/oauth2/revoke"]),
        ("?verdict=pending", vec![]),
        ("?kind=delivery", vec![]),
    ] {
        assert_eq!(paths(&mock, query).await, expected, "{query}");
    }
    assert_eq!(mock.get("/requests?client_id=a").await.1["total"], 5);
    for query in ["?colour=red", "?status=good", "?header=x", "?json=/a", "?kind=letter"] {
        assert_error(mock.get(&format!("/requests{query}")).await, StatusCode::BAD_REQUEST, "invalid_payload");
    }
}

#[tokio::test]
async fn a_wait_ends_when_enough_has_been_seen() {
    let mock = Arc::new(lenient());
    say(&mock, "a", "1").await;
    let waiting = {
        let mock = Arc::clone(&mock);
        tokio::spawn(async move { mock.get("/requests/wait?client_id=a&count=2&timeout_seconds=60").await })
    };
    say(&mock, "b", "2").await;
    say(&mock, "a", "3").await;
    let (status, seen) = waiting.await.unwrap();
    assert_eq!((status, &seen["total"]), (StatusCode::OK, &json!(3)));
    let texts: Vec<_> = seen["requests"].as_array().unwrap().iter().map(|entry| &entry["body"]["message"]).collect();
    assert_eq!(texts, ["1", "3"]);

    let (status, refusal) = mock.get("/requests/wait?client_id=b&count=2&timeout_seconds=0").await;
    assert_eq!((status, &refusal["code"]), (StatusCode::GATEWAY_TIMEOUT, &json!("timeout")));
    assert_eq!(refusal["message"], "1 of 2 requests were seen within 0 s");
    assert_eq!(refusal["details"]["requests"][0]["body"]["message"], "2");
    for query in ["count=x", "count=100000", "timeout_seconds=601", "colour=red"] {
        let refused = mock.get(&format!("/requests/wait?{query}")).await;
        assert_error(refused, StatusCode::BAD_REQUEST, "invalid_payload");
    }
}

#[tokio::test]
async fn a_request_without_an_answer_counts_when_it_is_asked_for() {
    let mock = lenient();
    let fault = json!([{"kind": "slow", "delayMs": 600_000, "match": {"path": "/helix/users"}}]);
    assert_eq!(answer(mock.post("/faults", &fault)).await.0, StatusCode::OK);
    let asking = tokio::spawn(mock.request(Method::GET, "/helix/users?id=1").send());
    let (_, seen) = mock.get("/requests/wait?verdict=pending&timeout_seconds=60").await;
    assert_eq!(
        (&seen["requests"][0]["path"], &seen["requests"][0]["durationMs"]),
        (&json!("/helix/users"), &Value::Null)
    );
    // Who goes away is seen, too.
    asking.abort();
    let (status, seen) = mock.get("/requests/wait?verdict=abandoned&timeout_seconds=60").await;
    assert_eq!((status, &seen["requests"][0]["status"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn requests_are_as_expected_or_it_is_said_what_is_not() {
    let mock = lenient();
    for text in ["1", "2"] {
        say(&mock, "a", text).await;
    }
    mock.get("/helix/users?id=1").await;
    say(&mock, "a", "3").await;
    let chat = json!({"path": "/helix/chat/messages", "client_id": "a"});
    let users = json!({"method": "GET", "path": "/helix/users"});
    for expect in [
        json!([]),
        json!([{"match": users}]),
        json!([{"match": chat, "times": 2}, {"match": users, "times": 1}, {"match": chat, "times": 1}]),
        json!([{"match": chat}, {"match": users}, {"match": chat}]),
        json!([{"match": chat, "at_least": 2}, {"match": {"path": "/helix/channels"}, "times": 0}, {"match": users}]),
        json!([{"match": users}, {"match": chat, "at_least": 1, "at_most": 1}, {"match": users, "times": 0}]),
        json!([{"match": {"status": 200}, "times": 4}]),
        json!([{"match": {"path": "/oauth2/*"}, "at_most": 3}]),
    ] {
        let (status, verified) = verify(&mock, "", expect.clone()).await;
        assert_eq!((status, &verified["difference"]), (StatusCode::OK, &json!([])), "{expect}: {verified}");
    }
    for (expect, difference) in [
        (
            json!([{"match": users}, {"match": users}]),
            "2. GET /helix/users: at least once: found 0 after #3 GET /helix/users 200",
        ),
        (
            json!([{"match": chat, "times": 3}, {"match": users}]),
            "2. GET /helix/users: at least once: found 0 after #4 POST /helix/chat/messages 200 client_id=a",
        ),
        (
            json!([{"match": chat, "times": 1}, {"match": users}]),
            "1. /helix/chat/messages client_id=a: exactly once: found 2: #1 POST /helix/chat/messages 200 client_id=a, \
             #2 POST /helix/chat/messages 200 client_id=a",
        ),
        (json!([{"match": users, "times": 0}]), "1. GET /helix/users: never: found 1: #3 GET /helix/users 200"),
        (
            json!([{"match": {"path": "/oauth2/token", "json": {"/a": 1}}, "at_least": 2}]),
            "1. /oauth2/token json={\"/a\":1}: at least 2 times: found 0",
        ),
    ] {
        let (status, refusal) = verify(&mock, "", expect.clone()).await;
        assert_eq!((status, &refusal["code"]), (StatusCode::CONFLICT, &json!("not_as_expected")), "{expect}");
        assert_eq!(refusal["details"]["difference"][0], difference, "{expect}");
        assert_eq!(refusal["message"], format!("the requests are not as expected: {difference}"));
        assert_eq!(refusal["details"]["actual"].as_array().unwrap().len(), 4);
    }
    let unordered = json!({"ordered": false, "expect": [{"match": users, "times": 1}, {"match": chat, "times": 3}]});
    assert_eq!(answer(mock.post("/requests/verify", &unordered)).await.0, StatusCode::OK);
    assert_eq!(verify(&mock, "?client_id=b", json!([{"match": {}, "times": 0}])).await.0, StatusCode::OK);
    assert_eq!(verify(&mock, "?since=3", json!([{"match": {}, "times": 1}])).await.0, StatusCode::OK);
    for wrong in [
        json!([{"match": users, "times": 1, "at_least": 1}]),
        json!([{"match": users, "at_least": 2, "at_most": 1}]),
        json!([{"match": {"colour": "red"}}]),
        json!([users]),
    ] {
        assert_error(verify(&mock, "", wrong).await, StatusCode::BAD_REQUEST, "invalid_payload");
    }
}

#[tokio::test]
async fn what_one_caller_did_is_seen_and_forgotten_alone() {
    let mock = lenient();
    for (client, text) in [("a", "1"), ("b", "2"), ("a", "3")] {
        say(&mock, client, text).await;
    }
    let faults =
        json!([{"kind": "status", "match": {"client_id": "a"}}, {"kind": "status", "match": {"client_id": "b"}}]);
    answer(mock.post("/faults", &faults)).await;
    assert_eq!(mock.get("/sent?client_id=a").await.1, json!({"total": 2, "messages": ["1", "3"]}));
    assert_eq!(mock.get("/sent?token=token-of-b").await.1, json!({"total": 1, "messages": ["2"]}));
    assert_eq!(mock.get("/sent?since=1").await.1, json!({"total": 3, "messages": ["2", "3"]}));
    assert_eq!(mock.get("/sent?client_id=a&since=1").await.1, json!({"total": 2, "messages": ["3"]}));
    assert_eq!(mock.get("/sent?since=x").await.0, 400);
    assert_eq!(mock.get("/last-request?client_id=b").await.1["body"]["message"], "2");
    assert_eq!(mock.get("/last-request").await.1["body"]["message"], "3");
    for path in ["/sent?path=/", "/last-request?since=1"] {
        assert_error(mock.get(path).await, StatusCode::BAD_REQUEST, "invalid_payload");
    }

    let reset = mock.request(Method::POST, "/reset?client_id=a").send().await.unwrap();
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    assert_eq!(mock.get("/sent").await.1, json!({"total": 1, "messages": ["2"]}));
    assert_eq!(mock.get("/last-request?client_id=a").await.1, json!({"captured": false}));
    assert_eq!(mock.get("/requests").await.1["total"], 1);
    assert_eq!(mock.get("/faults").await.1.as_array().unwrap().len(), 1);

    mock.get("/helix/users?id=1").await;
    let forgotten = mock.request(Method::DELETE, "/requests?path=/helix/chat/*").send().await.unwrap();
    assert_eq!(forgotten.status(), StatusCode::NO_CONTENT);
    assert_eq!(paths(&mock, "").await, ["/helix/users"]);
    assert_eq!(mock.get("/sent").await.1["total"], 1);
}

#[tokio::test]
async fn the_journal_is_exported_as_an_archive() {
    let mock = world::mock();
    let token = app_token(&mock).await;
    world::get(&mock, &token, "/helix/users?id=1001&login=ann").await;
    let fault = json!([{"kind": "dropped", "match": {"path": "/helix/channels"}}]);
    answer(mock.post("/faults", &fault)).await;
    let dropped = mock.request(Method::GET, "/helix/channels").bearer_auth(&token).header("client-id", "app");
    dropped.send().await.unwrap_err();

    let (status, archive) = mock.get("/requests.har").await;
    let log = &archive["log"];
    assert_eq!(
        (status, &log["version"], &log["creator"]["name"]),
        (StatusCode::OK, &json!("1.2"), &json!("MockHelixApi"))
    );
    let [of_token, users, dropped] = &log["entries"].as_array().unwrap()[..] else { panic!("{archive}") };
    assert_eq!(of_token["request"]["method"], "POST");
    assert_eq!(users["startedDateTime"], "2026-04-05T12:00:00.25Z");
    assert_eq!(users["request"]["url"], format!("http://{}/helix/users?id=1001&login=ann", mock.address));
    let query = json!([{"name": "id", "value": "1001"}, {"name": "login", "value": "ann"}]);
    assert_eq!(users["request"]["queryString"], query);
    assert_eq!((&users["response"]["status"], &users["response"]["statusText"]), (&json!(200), &json!("OK")));
    let text: Value = serde_json::from_str(users["response"]["content"]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text["data"][0]["login"], "streamer");
    assert_eq!((&dropped["response"]["status"], &dropped["_verdict"]), (&json!(0), &json!("cut")));
    let one = mock.get("/requests.har?path=/helix/users").await.1;
    assert_eq!(one["log"]["entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn long_lists_come_whole() {
    let mock = lenient();
    let text = "x".repeat(400);
    for number in 0..300 {
        say(&mock, if number % 3 == 0 { "a" } else { "b" }, &text).await;
    }
    // Each is several pieces long.
    assert_eq!(requests(&mock, "").await.len(), 300);
    assert_eq!(requests(&mock, "?client_id=a").await.len(), 100);
    assert_eq!(mock.get("/requests.har?client_id=b").await.1["log"]["entries"].as_array().unwrap().len(), 200);
}

#[tokio::test]
async fn deliveries_are_in_the_journal_too() {
    let mock = lenient();
    let receive = async move |body: String| {
        let body: Value = serde_json::from_str(&body).unwrap();
        body["challenge"].as_str().unwrap_or_default().to_owned()
    };
    let callback = start(Router::new().route("/hook", post(receive)));
    let wanted = json!({
        "type": "channel.chat.message", "version": "1",
        "condition": {"broadcaster_user_id": "b", "user_id": "b"},
        "transport": {
            "method": "webhook", "callback": format!("http://{}/hook?x=1", callback.address), "secret": "0123456789",
        },
    });
    assert_eq!(answer(mock.post("/helix/eventsub/subscriptions", &wanted)).await.0, StatusCode::ACCEPTED);
    let wait = "/requests/wait?kind=delivery&path=/hook&message_type=webhook_callback_verification&timeout_seconds=60";
    let (status, seen) = mock.get(wait).await;
    assert_eq!(status, StatusCode::OK, "{seen}");
    let entry = &seen["requests"][0];
    assert_eq!(
        (&entry["query"], &entry["verdict"], &entry["status"]),
        (&json!("x=1"), &json!("answered"), &json!(200))
    );
    assert_eq!(entry["answerBody"], entry["body"]["challenge"]);
    assert_eq!(entry["headers"]["twitch-eventsub-message-retry"], "0");
    assert_eq!(paths(&mock, "").await, ["/helix/eventsub/subscriptions"]);
    assert_eq!(
        verify(&mock, "?kind=delivery", json!([{"match": {"path": "/hook"}, "times": 1}])).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_long_wait_does_not_hold_the_others_up() {
    let mock = Arc::new(lenient());
    let waiting = {
        let mock = Arc::clone(&mock);
        tokio::spawn(async move { mock.get("/requests/wait?count=3&timeout_seconds=600").await })
    };
    for text in ["1", "2", "3"] {
        say(&mock, "a", text).await;
    }
    let seen = tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap().unwrap();
    assert_eq!(seen.1["requests"].as_array().unwrap().len(), 3);
}
