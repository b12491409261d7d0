//! What is said in chats, by command and through Helix.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::receiver::{CHAT, Receiver, SECRET, SUBSCRIPTIONS, deliveries, post};
use crate::support::{Running, answer, assert_error};
use crate::world::{admin, app_token, ask, mock};

const MESSAGES: &str = "/helix/chat/messages";

/// A strict stand-in, and a receiver of the messages that the bot reads in the streamer's chat.
async fn subscribed() -> (Running, Receiver) {
    let (mock, receiver) = (mock(), Receiver::start());
    let app = app_token(&mock).await;
    let wanted = json!({
        "type": CHAT, "version": "1", "condition": {"broadcaster_user_id": "1001", "user_id": "1004"},
        "transport": {"method": "webhook", "callback": receiver.url(), "secret": SECRET},
    });
    let (status, made) = ask(&mock, &app, Method::POST, SUBSCRIPTIONS, wanted).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
    deliveries(&mock, "message_type=webhook_callback_verification", 1).await;
    (mock, receiver)
}

/// Says something by command, and returns the event that arrives.
async fn heard(mock: &Running, receiver: &mut Receiver, line: &Value) -> Value {
    let said = post(mock, "/admin/chat", line).await;
    let event = receiver.next().await.json()["event"].clone();
    assert_eq!(event["message_id"], said["message_id"]);
    event
}

fn line(user: &str, text: &str) -> Value {
    json!({"broadcaster_id": "1001", "user_id": user, "text": text})
}

/// The line with more fields.
fn with(mut line: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    line.as_object_mut().unwrap().extend(more);
    line
}

fn fragment(kind: &str, text: &str) -> Value {
    json!({"type": kind, "text": text, "cheermote": null, "emote": null, "mention": null})
}

#[tokio::test]
async fn an_event_has_every_documented_field() {
    let (mock, mut receiver) = subscribed().await;
    let event = heard(&mock, &mut receiver, &line("1002", "hello")).await;
    let expected = json!({
        "broadcaster_user_id": "1001", "broadcaster_user_login": "streamer", "broadcaster_user_name": "Streamer",
        "chatter_user_id": "1002", "chatter_user_login": "ann", "chatter_user_name": "Ann",
        "message_id": event["message_id"],
        "message": {"text": "hello", "fragments": [fragment("text", "hello")]},
        "message_type": "text",
        "badges": [{"set_id": "subscriber", "id": "1", "info": "1"}],
        "cheer": null, "color": "", "reply": null,
        "channel_points_custom_reward_id": null, "channel_points_animation_id": null,
        "source_broadcaster_user_id": null, "source_broadcaster_user_login": null,
        "source_broadcaster_user_name": null, "source_message_id": null, "source_badges": null,
        "is_source_only": null,
    });
    assert_eq!(event, expected);
    // Whoever has spoken is in the chat.
    let (_, world) = mock.get("/admin/world").await;
    assert_eq!(world["chatters"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn badges_are_those_of_the_role_or_as_they_are_given() {
    let (mock, mut receiver) = subscribed().await;
    for (user, sets) in [
        ("1001", vec!["broadcaster"]),
        ("1002", vec!["subscriber"]),
        ("1003", vec![]),
        ("1004", vec!["moderator", "subscriber"]),
    ] {
        let event = heard(&mock, &mut receiver, &line(user, "hello")).await;
        let seen: Vec<_> = event["badges"].as_array().unwrap().iter().map(|badge| &badge["set_id"]).collect();
        assert_eq!(seen, sets, "{user}");
    }
    let given = json!({"badges": ["vip", {"set_id": "subscriber", "id": "12", "info": "14"}], "color": "#00FF7F"});
    let event = heard(&mock, &mut receiver, &with(line("1003", "hello"), given)).await;
    let expected =
        json!([{"set_id": "vip", "id": "1", "info": ""}, {"set_id": "subscriber", "id": "12", "info": "14"}]);
    assert_eq!((&event["badges"], &event["color"]), (&expected, &json!("#00FF7F")));
}

#[tokio::test]
async fn emotes_mentions_and_cheers_are_found_in_the_text() {
    let (mock, mut receiver) = subscribed().await;
    let said = with(
        line("1002", "Kappa @Bob Cheer100 cheer20"),
        json!({"emotes": [{"id": "25", "name": "Kappa"}], "message_type": "power_ups_gigantified_emote"}),
    );
    let event = heard(&mock, &mut receiver, &said).await;
    let kinds: Vec<_> = event["message"]["fragments"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(kinds, ["emote", "text", "mention", "text", "cheermote", "text", "cheermote"]);
    let mention = json!({"user_id": "1003", "user_login": "bob", "user_name": "bob"});
    assert_eq!(event["message"]["fragments"][2]["mention"], mention);
    assert_eq!(
        (&event["cheer"], &event["message_type"]),
        (&json!({"bits": 120}), &json!("power_ups_gigantified_emote"))
    );
    let event = heard(&mock, &mut receiver, &with(line("1002", "cheer100"), json!({"bits": 7}))).await;
    assert_eq!(event["cheer"], json!({"bits": 7}));
}

#[tokio::test]
async fn a_reply_names_its_parent_and_its_thread() {
    let (mock, mut receiver) = subscribed().await;
    let first = heard(&mock, &mut receiver, &line("1002", "first")).await;
    let reply = |to: &Value| json!({"reply_to": to["message_id"]});
    let second = heard(&mock, &mut receiver, &with(line("1004", "second"), reply(&first))).await;
    let third = heard(&mock, &mut receiver, &with(line("1002", "third"), reply(&second))).await;
    let expected = json!({
        "parent_message_id": second["message_id"], "parent_message_body": "second",
        "parent_user_id": "1004", "parent_user_login": "bot", "parent_user_name": "bot",
        "thread_message_id": first["message_id"],
        "thread_user_id": "1002", "thread_user_login": "ann", "thread_user_name": "Ann",
    });
    assert_eq!(third["reply"], expected);
    for wrong in [
        with(line("1002", "fourth"), json!({"reply_to": "nothing"})),
        with(json!({"broadcaster_id": "1002", "user_id": "1002", "text": "elsewhere"}), reply(&first)),
        line("9", "nobody"),
        json!({"broadcaster_id": "9", "user_id": "1002", "text": "nowhere"}),
        with(line("1002", "odd"), json!({"colour": "red"})),
    ] {
        assert_error(answer(mock.post("/admin/chat", &wrong)).await, StatusCode::BAD_REQUEST, "invalid_payload");
    }
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn in_shared_chat_a_message_says_where_it_was_typed() {
    let (mock, mut receiver) = subscribed().await;
    let source = json!({"source": {"broadcaster_id": "1002", "message_id": "there", "badges": ["moderator"]}});
    let event = heard(&mock, &mut receiver, &with(line("1004", "hello"), source)).await;
    for (name, value) in [
        ("broadcaster_user_id", json!("1001")),
        ("source_broadcaster_user_id", json!("1002")),
        ("source_broadcaster_user_login", json!("ann")),
        ("source_broadcaster_user_name", json!("Ann")),
        ("source_message_id", json!("there")),
        ("source_badges", json!([{"set_id": "moderator", "id": "1", "info": ""}])),
        ("is_source_only", json!(false)),
    ] {
        assert_eq!(event[name], value, "{name}");
    }
    assert_ne!(event["message_id"], "there");
}

async fn send(mock: &Running, message: Value) -> (StatusCode, Value) {
    ask(mock, "anns-token", Method::POST, MESSAGES, message).await
}

fn message(text: &str) -> Value {
    json!({"broadcaster_id": "1001", "sender_id": "1002", "message": text})
}

#[tokio::test]
async fn what_a_client_says_through_helix_comes_back() {
    let (mock, mut receiver) = subscribed().await;
    let (_, sent) = send(&mock, message("hello @bob cheer100")).await;
    let event = receiver.next().await.json()["event"].clone();
    assert_eq!((&event["message_id"], &event["chatter_user_id"]), (&sent["data"][0]["message_id"], &json!("1002")));
    // Helix sends no cheers.
    let kinds: Vec<_> = event["message"]["fragments"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(kinds, ["text", "mention", "text"]);
    assert_eq!(event["cheer"], Value::Null);

    let (_, dropped) = send(&mock, message("hello @bob cheer100")).await;
    assert_eq!(dropped["data"][0]["is_sent"], false);
    let answered = with(message("a reply"), json!({"reply_parent_message_id": event["message_id"]}));
    assert_eq!(send(&mock, answered).await.0, StatusCode::OK);
    assert_eq!(receiver.next().await.json()["event"]["reply"]["parent_message_id"], event["message_id"]);
    let (status, refused) = send(&mock, with(message("no reply"), json!({"reply_parent_message_id": "unknown"}))).await;
    let expected = "The request's input was not valid. Message cannot be replied to.";
    assert_eq!((status, &refused["message"]), (StatusCode::BAD_REQUEST, &json!(expected)));
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn a_text_that_begins_like_a_command_loses_it() {
    let (mock, mut receiver) = subscribed().await;
    for (typed, shown) in [
        ("/me dances", Some("dances")),
        (".foo bar  baz", Some("bar  baz")),
        (".  .foo", Some(".foo")),
        ("..", Some("..")),
        ("... well", Some("... well")),
        ("/me", None),
        (".foo ", None),
        ("/", None),
    ] {
        let (status, sent) = send(&mock, message(typed)).await;
        assert_eq!((status, &sent["data"][0]["is_sent"]), (StatusCode::OK, &json!(shown.is_some())), "{typed}");
        match shown {
            Some(shown) => assert_eq!(receiver.next().await.text(), shown),
            None => assert_eq!(sent["data"][0]["drop_reason"]["code"], "msg_rejected"),
        }
    }
    assert_eq!(mock.get("/sent").await.1["messages"][0], "dances");
    let source_only = with(message("hello"), json!({"for_source_only": true}));
    assert_eq!(send(&mock, source_only).await.0, StatusCode::BAD_REQUEST);
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn a_subscription_ends_when_the_world_no_longer_allows_it() {
    for (method, path, body, reason) in [
        (Method::DELETE, "grants/app/1004", Value::Null, "authorization_revoked"),
        (Method::PATCH, "grants/app/1004", json!({"scopes": ["user:bot"]}), "authorization_revoked"),
        (Method::DELETE, "users/1004", Value::Null, "user_removed"),
        (Method::PUT, "bans/1001/1004", json!({}), "chat_user_banned"),
    ] {
        let (mock, mut receiver) = subscribed().await;
        assert!(admin(&mock, method, path, body).await.0.is_success(), "{path}");
        assert_eq!(receiver.next().await.json()["subscription"]["status"], reason, "{path}");
    }
    let (mock, mut receiver) = subscribed().await;
    // The broadcaster's grant suffices until it is taken back.
    admin(&mock, Method::DELETE, "moderators/1001/1004", Value::Null).await;
    assert!(heard(&mock, &mut receiver, &line("1002", "hello")).await.is_object());
    admin(&mock, Method::PATCH, "grants/app/1001", json!({"scopes": []})).await;
    assert_eq!(receiver.next().await.json()["subscription"]["status"], "authorization_revoked");

    let (mock, mut receiver) = subscribed().await;
    // The moderator does not need it.
    admin(&mock, Method::PATCH, "grants/app/1001", json!({"scopes": []})).await;
    assert!(heard(&mock, &mut receiver, &line("1002", "hello")).await.is_object());
    admin(&mock, Method::DELETE, "moderators/1001/1004", Value::Null).await;
    assert_eq!(receiver.next().await.json()["subscription"]["status"], "moderator_removed");
    assert_eq!(post(&mock, "/admin/chat", &line("1002", "again")).await["deliveries"], json!([]));
}

#[tokio::test]
async fn notifications_that_find_no_room_are_refused_together() {
    let (mock, receiver) = subscribed().await;
    admin(&mock, Method::PUT, "delivery", json!({"retry_after_seconds": [3600]})).await;
    drop(receiver);
    let event = json!({"broadcaster_user_id": "1001", "padding": "x".repeat(900_000)});
    let happening = json!({"type": CHAT, "event": event});
    let mut accepted = 0;
    let refused = loop {
        let (status, body) = answer(mock.post("/admin/events", &happening)).await;
        if status != StatusCode::OK {
            break (status, body);
        }
        accepted += 1;
        deliveries(&mock, "message_type=notification", accepted).await;
    };
    assert_error(refused, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert_eq!(accepted, 9);
}
