//! Notifications of webhooks: delivered, retried, counted, revoked.

use http::{Method, StatusCode};
use mgm_mocks::world::Fixture;
use mgm_twitch::eventsub::{check_age, header, parse_timestamp};
use serde_json::{Value, json};

use crate::receiver::{
    CHAT, PATIENCE, Receiver, SECRET, advance, deliveries, mock, mock_with, post, rules, say, status, subscribe,
    subscribe_to,
};
use crate::support::{NOW, Running, answer, assert_error, clock};

const NOTIFICATIONS: &str = "message_type=notification";

async fn waiting(mock: &Running) -> Vec<Value> {
    mock.get("/admin/deliveries").await.1["waiting"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_notification_has_all_headers_and_the_subscription() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    let id = subscribe(&mock, &receiver.url()).await;
    let said = say(&mock, "hello", None).await;
    let message = receiver.next().await;
    assert_eq!(message.verify(), Ok(()));
    let expected = json!([{"message_id": message.id(), "subscription_id": id, "method": "webhook"}]);
    assert_eq!(said["deliveries"], expected);
    for (name, value) in [
        (header::MESSAGE_TYPE, "notification"),
        (header::MESSAGE_RETRY, "0"),
        (header::MESSAGE_TIMESTAMP, "2026-04-05T12:00:00.250000000Z"),
        (header::SUBSCRIPTION_TYPE, CHAT),
        (header::SUBSCRIPTION_VERSION, "1"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(message.header(name), value);
    }
    let body = message.json();
    assert_eq!((&body["subscription"]["id"], &body["subscription"]["status"]), (&json!(id), &json!("enabled")));
    assert_eq!(body["event"]["message_id"], said["message_id"]);

    let shown = &deliveries(&mock, NOTIFICATIONS, 1).await[0];
    assert_eq!(shown["headers"][header::MESSAGE_SIGNATURE], message.header(header::MESSAGE_SIGNATURE));
    assert_eq!((&shown["body"], &shown["bodyBytes"]), (&body, &json!(message.body.len())));
    assert_eq!((&shown["outcome"], &shown["status"]), (&json!("accepted"), &json!(204)));
    assert_eq!(shown["to"], receiver.url());
    assert!(!mock.get("/admin/deliveries").await.1.to_string().contains(SECRET));
}

#[tokio::test]
async fn what_is_refused_is_sent_again_with_the_same_id_when_the_worlds_time_comes() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    subscribe(&mock, &receiver.url()).await;
    receiver.answer_with(StatusCode::SERVICE_UNAVAILABLE);
    say(&mock, "hello", None).await;
    let first = receiver.next().await;
    assert_eq!(first.retry(), "0");
    for (retry, pause) in [("1", 10), ("2", 60), ("3", 300)] {
        deliveries(&mock, NOTIFICATIONS, retry.parse().unwrap()).await;
        assert_eq!(waiting(&mock).await.len(), 1);
        advance(&mock, pause - 1).await;
        assert!(receiver.is_empty());
        advance(&mock, 1).await;
        let again = receiver.next().await;
        assert_eq!((again.id(), again.retry()), (first.id(), retry));
        assert_eq!((again.verify(), &again.body), (Ok(()), &first.body));
    }
    let all = deliveries(&mock, NOTIFICATIONS, 4).await;
    assert_eq!(all[3]["retry"], 3);
    assert!(all.iter().all(|one| one["outcome"] == "refused" && one["status"] == 503 && one["answer"] == "received"));
    assert_eq!(waiting(&mock).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_retry_ends_with_the_first_success_and_does_not_hold_up_others() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    subscribe(&mock, &receiver.url()).await;
    receiver.answer_with(StatusCode::BAD_REQUEST);
    say(&mock, "first", None).await;
    assert_eq!(receiver.next().await.text(), "first");
    deliveries(&mock, NOTIFICATIONS, 1).await;
    receiver.answer_with(StatusCode::ACCEPTED);
    say(&mock, "second", None).await;
    assert_eq!(receiver.next().await.text(), "second");
    advance(&mock, 10).await;
    assert_eq!(receiver.next().await.text(), "first");
    deliveries(&mock, NOTIFICATIONS, 3).await;
    assert_eq!(waiting(&mock).await, Vec::<Value>::new());
}

#[tokio::test]
async fn too_many_lost_notifications_revoke_the_subscription() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    let id = subscribe(&mock, &receiver.url()).await;
    rules(&mock, &json!({"retry_after_seconds": [], "failures": 2})).await;
    for (text, answer) in [("a", 500), ("b", 200), ("c", 404), ("d", 302)] {
        assert_eq!(status(&mock, &id).await, "enabled");
        receiver.answer_with(StatusCode::from_u16(answer).unwrap());
        say(&mock, text, None).await;
        assert_eq!(receiver.next().await.text(), text);
    }
    let revocation = receiver.next().await;
    assert_eq!(revocation.verify(), Ok(()));
    assert_eq!((revocation.header(header::MESSAGE_TYPE), revocation.retry()), ("revocation", "0"));
    let subscription = &revocation.json()["subscription"];
    assert_eq!((&subscription["id"], &subscription["status"]), (&json!(id), &json!("notification_failures_exceeded")));
    assert_eq!(status(&mock, &id).await, "notification_failures_exceeded");
    assert_eq!(say(&mock, "e", None).await["deliveries"], json!([]));
}

#[tokio::test]
async fn every_reason_for_a_revocation_can_be_given() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    for reason in ["authorization_revoked", "user_removed", "version_removed", "moderator_removed", "chat_user_banned"]
    {
        let id = subscribe(&mock, &receiver.url()).await;
        let revoked = post(&mock, "/eventsub/revoke", &json!({"id": id, "status": reason})).await;
        assert_eq!(revoked, json!({"id": id, "status": reason, "callbackStatus": 204}));
        let message = receiver.next().await;
        assert_eq!(message.header(header::MESSAGE_TYPE), "revocation");
        assert_eq!(message.json()["subscription"]["status"], reason);
    }
}

#[tokio::test]
async fn a_callback_that_is_not_there_or_does_not_answer_is_told_apart() {
    let (mock, receiver) = (mock(), Receiver::start());
    let id = subscribe(&mock, &receiver.url()).await;
    rules(&mock, &json!({"retry_after_seconds": [], "timeout_ms": 100})).await;
    drop(receiver);
    say(&mock, "hello", None).await;
    let gone = &deliveries(&mock, &format!("{NOTIFICATIONS}&subscription_id={id}"), 1).await[0];
    assert_eq!((&gone["outcome"], &gone["status"]), (&json!("not_connected"), &Value::Null));
    assert!(gone["problem"].is_string(), "{gone}");

    // Connections are accepted by the system, and nobody answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fixture = json!({
        "strangers": true,
        "delivery": {"retry_after_seconds": [], "timeout_ms": 100},
        "eventsub": [{
            "id": "s", "client_id": "c", "type": CHAT, "version": "1", "secret": SECRET,
            "condition": {"broadcaster_user_id": "b", "user_id": "b"},
            "callback": format!("http://{}", silent.local_addr().unwrap()),
        }],
    });
    let mock = mock_with(false, Fixture::from_json(&fixture.to_string()).unwrap(), clock());
    say(&mock, "hello", None).await;
    let silent = &deliveries(&mock, "subscription_id=s", 1).await[0];
    assert_eq!((&silent["outcome"], &silent["status"]), (&json!("no_answer"), &Value::Null));
}

#[tokio::test]
async fn a_reset_forgets_what_waits_and_what_was_delivered() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    subscribe(&mock, &receiver.url()).await;
    receiver.answer_with(StatusCode::INTERNAL_SERVER_ERROR);
    say(&mock, "hello", None).await;
    receiver.next().await;
    deliveries(&mock, NOTIFICATIONS, 1).await;
    assert_eq!(mock.request(Method::POST, "/reset").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let expected = json!({"total": 0, "deliveries": [], "waiting": []});
    assert_eq!(mock.get("/admin/deliveries").await, (StatusCode::OK, expected));
}

#[tokio::test]
async fn any_type_of_event_reaches_those_whose_condition_it_meets() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    let condition = |channel: &str| json!({"broadcaster_user_id": channel});
    let mine = subscribe_to(&mock, "stream.online", &condition("b"), &receiver.url()).await;
    let others = subscribe_to(&mock, "stream.online", &condition("c"), &receiver.url()).await;
    subscribe_to(&mock, "stream.offline", &condition("b"), &receiver.url()).await;
    let event = json!({"broadcaster_user_id": "b", "type": "live"});
    let told = post(&mock, "/admin/events", &json!({"type": "stream.online", "event": event})).await;
    assert_eq!(told["deliveries"].as_array().unwrap().len(), 1);
    let message = receiver.next().await;
    assert_eq!((&message.json()["subscription"]["id"], &message.json()["event"]), (&json!(mine), &event));

    let happening = json!({"type": "stream.online", "condition": condition("c"), "event": event});
    assert_eq!(post(&mock, "/admin/events", &happening).await["deliveries"][0]["subscription_id"], others);
    receiver.next().await;
    let happening = json!({"type": "stream.online", "version": "2", "event": event});
    assert_eq!(post(&mock, "/admin/events", &happening).await["deliveries"], json!([]));
    assert_error(
        answer(mock.post("/admin/events", &json!({"type": "stream.online"}))).await,
        StatusCode::BAD_REQUEST,
        "invalid_payload",
    );
}

#[tokio::test]
async fn hostile_deliveries_are_hostile_in_one_way_and_are_sent_once() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    let id = subscribe(&mock, &receiver.url()).await;
    rules(&mock, &json!({"failures": 1, "slow_body_ms": 50})).await;
    receiver.answer_with(StatusCode::FORBIDDEN);
    for hostile in ["bad_signature", "stale", "future", "changed", "slow", "oversized"] {
        say(&mock, hostile, Some(hostile)).await;
        let message = receiver.next().await;
        assert_eq!(message.text(), hostile);
        assert_eq!(message.verify().is_err(), matches!(hostile, "bad_signature" | "changed"), "{hostile}");
        let sent_at = parse_timestamp(message.header(header::MESSAGE_TIMESTAMP).as_bytes()).unwrap();
        assert_eq!(check_age(sent_at, NOW).is_err(), matches!(hostile, "stale" | "future"), "{hostile}");
        assert_eq!(message.body.len() > 1024 * 1024, hostile == "oversized", "{hostile}");
        assert_eq!(message.header("content-length"), message.body.len().to_string(), "{hostile}");
    }
    let all = deliveries(&mock, NOTIFICATIONS, 6).await;
    assert_eq!((&all[0]["hostile"], &all[0]["outcome"]), (&json!("bad_signature"), &json!("refused")));
    assert_eq!((&all[5]["body"], all[5]["bodyBytes"].as_u64()), (&Value::Null, Some(2 * 1024 * 1024)));
    assert_eq!((status(&mock, &id).await.as_str(), waiting(&mock).await.len()), ("enabled", 0));
    let line = json!({"broadcaster_id": "b", "user_id": "ann", "text": "hello", "hostile": "friendly"});
    assert_error(answer(mock.post("/admin/chat", &line)).await, StatusCode::BAD_REQUEST, "invalid_payload");
}

#[tokio::test]
async fn a_duplicate_has_the_same_id_and_a_reordered_message_comes_after_the_next() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    subscribe(&mock, &receiver.url()).await;
    say(&mock, "twice", Some("duplicate")).await;
    let (first, second) = (receiver.next().await, receiver.next().await);
    assert_eq!((first.id(), first.retry(), &first.body), (second.id(), second.retry(), &second.body));
    say(&mock, "late", Some("reordered")).await;
    assert_eq!((waiting(&mock).await.len(), &waiting(&mock).await[0]["due"]), (1, &Value::Null));
    say(&mock, "early", None).await;
    assert_eq!((receiver.next().await.text(), receiver.next().await.text()), ("early".into(), "late".into()));
}

#[tokio::test]
async fn a_mapped_callback_is_called_elsewhere_with_its_path_query_and_host() {
    let (mock, mut receiver) = (mock(), Receiver::start());
    let mapped = json!({"https://hook.test": format!("http://{}", receiver.running.address)});
    let request = mock.request(Method::PUT, "/admin/callbacks").body(mapped.to_string());
    assert_eq!(answer(request).await, (StatusCode::OK, mapped));
    subscribe(&mock, "https://hook.test/a%20b?c=d").await;
    say(&mock, "hello", None).await;
    let message = receiver.next().await;
    assert_eq!((message.host.as_str(), message.target.as_str()), ("hook.test", "/a%20b?c=d"));
    assert_eq!(deliveries(&mock, NOTIFICATIONS, 1).await[0]["to"], "https://hook.test/a%20b?c=d");
    for wrong in [json!({"https://hook.test/path": "http://127.0.0.1:1"}), json!({"hook.test": "http://127.0.0.1:1"})] {
        let request = mock.request(Method::PUT, "/admin/callbacks").body(wrong.to_string());
        assert_error(answer(request).await, StatusCode::BAD_REQUEST, "invalid_payload");
    }
}

#[tokio::test]
async fn a_question_about_deliveries_waits_no_longer_than_it_says() {
    let mock = mock();
    let asked = mock.get("/admin/deliveries?count=1&wait_seconds=1");
    let (status, body) = tokio::time::timeout(PATIENCE, asked).await.unwrap();
    assert_eq!((status, &body["deliveries"]), (StatusCode::OK, &json!([])));
    assert_error(mock.get("/admin/deliveries?count=one").await, StatusCode::BAD_REQUEST, "invalid_payload");
}
