use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use mgm_mocks::helix::{HelixConfig, router};
use mgm_mocks::world::Fixture;
use mgm_system::RandomSource;
use mgm_twitch::helix::{Correlation, Credentials, Helix, HelixBaseUrl, SendOutcome};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{Running, answer, assert_error, clock, start};

const CHAT: &str = "/helix/chat/messages";

fn random() -> RandomSource {
    RandomSource::from_seed([7; 32])
}

fn mock() -> Running {
    let random = Arc::new(random());
    start(router(HelixConfig { strict: false, fixture: Fixture::of_strangers(), clock: clock(), random }))
}

fn message() -> Value {
    json!({"broadcaster_id": "b", "sender_id": "b", "message": "Награда"})
}

fn helix_error(status: u16, error: &str, message: &str) -> Value {
    json!({"error": error, "status": status, "message": message})
}

async fn faults(mock: &Running, faults: Value) {
    let (status, waiting) = answer(mock.post("/faults", &faults)).await;
    assert_eq!(status, StatusCode::OK, "{waiting}");
}

async fn captured(mock: &Running) -> bool {
    mock.get("/last-request").await.1["captured"].as_bool().unwrap()
}

/// Sends a message as the backend does.
async fn send(mock: &Running) -> SendOutcome {
    let base_url = HelixBaseUrl::parse(&format!("http://{}", mock.address)).unwrap();
    let helix = Helix::new(base_url, Duration::from_secs(10)).unwrap();
    let credentials = Credentials::new("client", &SecretString::from("token")).unwrap();
    helix.send_chat_message("b", "b", "Награда", &credentials, &Correlation::default()).await
}

#[tokio::test]
async fn a_chat_message_is_taken_and_shown() {
    let mock = mock();
    assert_eq!(mock.get("/last-request").await, (StatusCode::OK, json!({"captured": false})));
    let request = mock.post(CHAT, &message()).header("Authorization", "Bearer t").header("Client-Id", "c");
    let sent = json!({"data": [{"message_id": random().uuid(), "is_sent": true}]});
    assert_eq!(answer(request).await, (StatusCode::OK, sent));
    let shown = json!({"captured": true, "body": message(), "authorizationHeader": "Bearer t", "clientIdHeader": "c"});
    assert_eq!(mock.get("/last-request").await, (StatusCode::OK, shown));
}

#[tokio::test]
async fn what_is_not_a_json_object_is_refused_as_helix_refuses() {
    let mock = mock();
    for body in ["", "{", "[]", "text"] {
        let refusal = answer(mock.request(Method::POST, CHAT).body(body)).await;
        let expected = helix_error(400, "Bad Request", "The request body is not a JSON object.");
        assert_eq!(refusal, (StatusCode::BAD_REQUEST, expected));
    }
    assert!(!captured(&mock).await);
}

#[tokio::test]
async fn everybody_subscribes_but_those_whose_id_says_otherwise() {
    let mock = mock();
    let (status, body) = mock.get("/helix/subscriptions/user?broadcaster_id=b&user_id=u").await;
    let row = json!({
        "broadcaster_id": "b", "broadcaster_login": "streamer", "broadcaster_name": "Streamer",
        "is_gift": false, "tier": "1000",
    });
    assert_eq!((status, body), (StatusCode::OK, json!({"data": [row]})));

    let refusal = mock.get("/helix/subscriptions/user?broadcaster_id=b&user_id=nosub-u").await;
    let expected = helix_error(404, "Not Found", "nosub-u has no subscription to b");
    assert_eq!(refusal, (StatusCode::NOT_FOUND, expected));

    let (status, body) = mock.get("/helix/subscriptions?broadcaster_id=b&user_id=u&user_id=nosub-u").await;
    let row = json!({
        "broadcaster_id": "b", "broadcaster_login": "streamer", "broadcaster_name": "Streamer",
        "gifter_id": "", "gifter_login": "", "gifter_name": "", "is_gift": false,
        "plan_name": "Channel Subscription (streamer)", "tier": "1000",
        "user_id": "u", "user_login": "u", "user_name": "u",
    });
    let list = json!({"data": [row], "pagination": {}, "total": 1, "points": 1});
    assert_eq!((status, body), (StatusCode::OK, list));
    let nobody = json!({"data": [], "pagination": {}, "total": 0, "points": 0});
    let asked = mock.get("/helix/subscriptions?broadcaster_id=b&user_id=nosub-u").await;
    assert_eq!(asked, (StatusCode::OK, nobody));
    let too_many = format!("/helix/subscriptions?broadcaster_id=b{}", "&user_id=u".repeat(101));
    assert_eq!(mock.get(&too_many).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(mock.get("/helix/subscriptions?user_id=u").await.0, StatusCode::BAD_REQUEST);
    for route in ["/helix/subscriptions?broadcaster_id=b&user_id=u", "/helix/eventsub/subscriptions?"] {
        for first in ["1", "20", "100"] {
            assert_eq!(mock.get(&format!("{route}&first={first}")).await.0, StatusCode::OK, "{route}: {first}");
        }
        for (first, how) in [
            ("101", "less than or equal to 100"),
            ("0", "greater than or equal to 1"),
            ("-1", "greater than or equal to 1"),
            ("x", "a number"),
            ("1.5", "a number"),
        ] {
            let message = format!("The parameter \"first\" was malformed: the value must be {how}");
            let refusal = mock.get(&format!("{route}&first={first}")).await;
            assert_eq!(
                refusal,
                (StatusCode::BAD_REQUEST, helix_error(400, "Bad Request", &message)),
                "{route}: {first}"
            );
        }
    }

    for (query, missing) in [("?user_id=u", "broadcaster_id"), ("?broadcaster_id=b", "user_id")] {
        let refusal = mock.get(&format!("/helix/subscriptions/user{query}")).await;
        let expected = helix_error(400, "Bad Request", &format!("Missing required parameter \"{missing}\""));
        assert_eq!(refusal, (StatusCode::BAD_REQUEST, expected));
    }
}

#[tokio::test]
async fn a_status_comes_as_often_as_was_asked_for_and_nothing_is_sent() {
    let mock = mock();
    faults(&mock, json!([{"kind": "status", "status": 503, "times": 2}, {"kind": "status"}])).await;
    for status in [503, 503, 500] {
        assert!(matches!(send(&mock).await, SendOutcome::Refused { status: seen, .. } if seen == status));
        assert!(!captured(&mock).await);
    }
    assert!(matches!(send(&mock).await, SendOutcome::Sent { .. }));
    assert!(captured(&mock).await);
}

#[tokio::test]
async fn a_success_of_another_status_is_sent() {
    let mock = mock();
    faults(&mock, json!([{"kind": "status", "status": 204}])).await;
    assert_eq!(send(&mock).await, SendOutcome::Accepted { status: 204 });
    assert!(captured(&mock).await);
}

#[tokio::test]
async fn a_lost_reply_is_of_a_message_that_was_sent() {
    let mock = mock();
    faults(&mock, json!([{"kind": "reply_lost"}])).await;
    assert!(matches!(send(&mock).await, SendOutcome::Interrupted { .. }));
    assert!(captured(&mock).await);
    let (_, journal) = mock.get("/requests").await;
    assert_eq!(journal["requests"][0]["status"], Value::Null);
    assert_eq!(journal["requests"][0]["body"], message());
}

#[tokio::test]
async fn a_dropped_connection_brings_no_byte_and_sends_nothing() {
    let mock = mock();
    faults(&mock, json!([{"kind": "dropped"}])).await;
    // A missing head is an error of the request itself, not of reading its answer.
    assert!(mock.post(CHAT, &message()).send().await.unwrap_err().is_request());
    assert!(!captured(&mock).await);
}

#[tokio::test]
async fn a_truncated_answer_is_of_a_message_that_was_sent() {
    let mock = mock();
    faults(&mock, json!([{"kind": "truncated"}])).await;
    let mut response = mock.post(CHAT, &message()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.chunk().await.unwrap().unwrap().is_empty());
    assert!(response.chunk().await.is_err());
    assert!(captured(&mock).await);
}

#[tokio::test]
async fn a_slow_answer_comes_after_the_message_was_sent() {
    let mock = mock();
    faults(&mock, json!([{"kind": "slow", "delayMs": 600_000}])).await;
    let waiting = tokio::spawn(mock.post(CHAT, &message()).send());
    while !captured(&mock).await {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    waiting.abort();
    faults(&mock, json!([{"kind": "slow", "delayMs": 1}])).await;
    assert!(matches!(send(&mock).await, SendOutcome::Sent { .. }));
}

#[tokio::test]
async fn a_message_that_twitch_drops_says_so() {
    let mock = mock();
    for (kind, reason) in [("not_sent", "msg_rejected"), ("duplicate", "msg_duplicate")] {
        faults(&mock, json!([{"kind": kind}])).await;
        let outcome = send(&mock).await;
        assert!(
            matches!(&outcome, SendOutcome::Dropped { code: Some(code), .. } if code == reason),
            "{kind}: {outcome:?}"
        );
        assert!(!captured(&mock).await, "{kind}");
        assert_eq!(mock.get("/sent").await.1["total"], 0, "{kind}");
    }
    assert!(matches!(send(&mock).await, SendOutcome::Sent { .. }));
}

#[tokio::test]
async fn a_fault_waits_for_its_own_route_and_a_reset_forgets_it() {
    let mock = mock();
    faults(&mock, json!([{"kind": "status", "status": 502, "route": "subscription", "times": 3}])).await;
    assert!(matches!(send(&mock).await, SendOutcome::Sent { .. }));
    let path = "/helix/subscriptions/user?broadcaster_id=b&user_id=u";
    for path in [path, "/helix/subscriptions?broadcaster_id=b&user_id=u"] {
        assert_eq!(mock.get(path).await.0, StatusCode::BAD_GATEWAY);
    }
    let left = json!([{"kind": "status", "status": 502, "route": "subscription", "times": 1}]);
    assert_eq!(mock.get("/faults").await, (StatusCode::OK, left));

    let reset = mock.request(Method::POST, "/reset").send().await.unwrap();
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    assert_eq!(mock.get("/faults").await, (StatusCode::OK, json!([])));
    assert_eq!(mock.get(path).await.0, StatusCode::OK);
    assert!(!captured(&mock).await);
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_is_refused_with_all_that_came_along() {
    let mock = mock();
    for wrong in [
        json!({"kind": "dropped"}),
        json!([{"kind": "dropped"}, {"kind": "explode"}]),
        json!([{"kind": "dropped"}, {"kind": "dropped", "times": 0}]),
        json!([{"kind": "dropped", "status": 500}]),
        json!([{"kind": "status", "status": 199}]),
        json!([{"kind": "status", "delayMs": 5}]),
        json!([{"kind": "slow", "delayMs": 600_001}]),
        json!([{"kind": "slow", "delay": 5}]),
        json!(vec![json!({"kind": "dropped"}); 1001]),
    ] {
        assert_error(answer(mock.post("/faults", &wrong)).await, StatusCode::BAD_REQUEST, "invalid_payload");
    }
    assert_eq!(mock.get("/faults").await, (StatusCode::OK, json!([])));
    let (_, refusal) = answer(mock.post("/faults", &json!([{"kind": "slow"}, {"kind": "explode"}]))).await;
    assert!(refusal["message"].as_str().unwrap().starts_with("[1].kind: unknown variant `explode`"), "{refusal}");
    let (_, refusal) = answer(mock.request(Method::POST, "/faults").body("[")).await;
    assert_eq!(refusal["message"], "the body is not JSON: EOF while parsing a list at line 1 column 1");
}
