//! EventSub over WebSockets.

use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, StatusCode};
use mgm_mocks::world::Limits;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::receiver::{CHAT, PATIENCE, SUBSCRIPTIONS, advance, post, rules, status};
use crate::support::{Running, answer};
use crate::world::{app_token, ask, get, mock, mock_with};

/// A client's end of a WebSocket.
struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The session's id.
    id: String,
    welcome: Value,
}

impl Socket {
    async fn connect(mock: &Running) -> Self {
        Self::connect_to(&format!("ws://{}/ws", mock.address)).await
    }

    async fn connect_to(url: &str) -> Self {
        let (stream, _) = connect_async(url).await.unwrap();
        let mut socket = Self { stream, id: String::new(), welcome: Value::Null };
        socket.welcome = socket.next().await;
        assert_eq!(socket.welcome["metadata"]["message_type"], "session_welcome");
        socket.id = socket.welcome["payload"]["session"]["id"].as_str().unwrap().to_owned();
        socket
    }

    async fn frame(&mut self) -> Frame {
        tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("a frame comes").unwrap().unwrap()
    }

    /// The next message, whatever pings come before it.
    async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Frame::Text(text) => return serde_json::from_str(&text).unwrap(),
                Frame::Ping(_) => {}
                other => panic!("{other:?} is no message"),
            }
        }
    }

    /// The next message, which is of this type.
    async fn next_is(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["metadata"]["message_type"], kind, "{message}");
        message
    }

    /// The code with which it is closed, whatever pings come before.
    async fn closed(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Frame::Close(Some(frame)) => return frame.code.into(),
                Frame::Ping(_) => {}
                other => panic!("{other:?} is no end"),
            }
        }
    }
}

/// What Ann subscribes to: the messages that she reads in the chat of a channel.
fn chat_of(session: &str, broadcaster: &str) -> Value {
    let condition = json!({"broadcaster_user_id": broadcaster, "user_id": "1004"});
    let transport = json!({"method": "websocket", "session_id": session});
    json!({"type": CHAT, "version": "1", "condition": condition, "transport": transport})
}

fn online(session: &str, broadcaster: &str) -> Value {
    let transport = json!({"method": "websocket", "session_id": session});
    let condition = json!({"broadcaster_user_id": broadcaster});
    json!({"type": "stream.online", "version": "1", "condition": condition, "transport": transport})
}

async fn bots_token(mock: &Running) -> String {
    let query = "client_id=app&client_secret=app-secret&grant_type=user_token&user_id=1004&scope=user:read:chat";
    let (_, body) = answer(mock.request(Method::POST, &format!("/auth/authorize?{query}"))).await;
    body["access_token"].as_str().unwrap().to_owned()
}

async fn subscribe(mock: &Running, token: &str, wanted: Value) -> (u16, Value) {
    let (status, body) = ask(mock, token, Method::POST, SUBSCRIPTIONS, wanted).await;
    (status.as_u16(), body)
}

/// A connected bot that reads the channel's chat, and the id of its subscription.
async fn reader(mock: &Running) -> (Socket, String) {
    let socket = Socket::connect(mock).await;
    let (status, made) = subscribe(mock, &bots_token(mock).await, chat_of(&socket.id, "1001")).await;
    assert_eq!(status, 202, "{made}");
    (socket, made["data"][0]["id"].as_str().unwrap().to_owned())
}

async fn say(mock: &Running, text: &str, hostile: Option<&str>) -> Value {
    let line = json!({"broadcaster_id": "1001", "user_id": "1002", "text": text, "hostile": hostile});
    post(mock, "/admin/chat", &line).await
}

fn text(message: &Value) -> &str {
    message["payload"]["event"]["message"]["text"].as_str().unwrap()
}

/// Waits until no session is left.
async fn no_session(mock: &Running) {
    let gone = async {
        while mock.get("/admin/websockets").await.1 != json!([]) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn a_session_is_welcomed_notified_and_told_of_revocations() {
    let mock = mock();
    let (mut socket, id) = reader(&mock).await;
    let session = &socket.welcome["payload"]["session"];
    let connected_at = "2026-04-05T12:00:00.250000000Z";
    let expected = json!({
        "id": socket.id, "status": "connected", "connected_at": connected_at, "keepalive_timeout_seconds": 10,
        "reconnect_url": null, "recovery_url": null,
    });
    assert_eq!(session, &expected);

    let said = say(&mock, "hello", None).await;
    assert_eq!(
        (&said["deliveries"][0]["method"], &said["deliveries"][0]["subscription_id"]),
        (&json!("websocket"), &json!(id))
    );
    let message = socket.next_is("notification").await;
    let expected = json!({
        "message_id": said["deliveries"][0]["message_id"], "message_type": "notification",
        "message_timestamp": connected_at, "subscription_type": CHAT, "subscription_version": "1",
    });
    assert_eq!(message["metadata"], expected);
    let expected = json!({
        "id": id, "status": "enabled", "type": CHAT, "version": "1", "cost": 0, "created_at": connected_at,
        "condition": {"broadcaster_user_id": "1001", "user_id": "1004"},
        "transport": {"method": "websocket", "session_id": socket.id, "connected_at": connected_at},
    });
    assert_eq!(message["payload"]["subscription"], expected);
    assert_eq!(text(&message), "hello");
    let shown = mock.get("/admin/deliveries?message_type=notification").await.1;
    let shown = &shown["deliveries"][0];
    assert_eq!((&shown["to"], &shown["outcome"], &shown["body"]), (&json!(socket.id), &json!("sent"), &message));

    let revoked = post(&mock, "/eventsub/revoke", &json!({"id": id, "status": "user_removed"})).await;
    assert_eq!(revoked, json!({"id": id, "status": "user_removed", "callbackStatus": null}));
    let message = socket.next_is("revocation").await;
    assert_eq!(message["payload"]["subscription"]["status"], "user_removed");
    assert_eq!(message["metadata"]["subscription_type"], CHAT);
}

#[tokio::test]
async fn silence_is_broken_by_keepalives_in_the_requested_time() {
    let mock = mock();
    for (query, seconds) in [
        ("", 10),
        ("?keepalive_timeout_seconds=30", 30),
        ("?keepalive_timeout_seconds=1", 10),
        ("?keepalive_timeout_seconds=-1", 10),
        ("?keepalive_timeout_seconds=601", 600),
        ("?keepalive_timeout_seconds=soon", 10),
    ] {
        let socket = Socket::connect_to(&format!("ws://{}/ws{query}", mock.address)).await;
        assert_eq!(socket.welcome["payload"]["session"]["keepalive_timeout_seconds"], seconds, "{query}");
    }
    let (mut socket, _) = reader(&mock).await;
    for _ in 0..2 {
        advance(&mock, 10).await;
        let message = socket.next_is("session_keepalive").await;
        assert_eq!(message["payload"], json!({}));
    }
    // A notification begins the silence anew.
    advance(&mock, 9).await;
    say(&mock, "hello", None).await;
    socket.next_is("notification").await;
    advance(&mock, 9).await;
    say(&mock, "again", None).await;
    socket.next_is("notification").await;
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let mock = mock();
    let mut unused = Socket::connect(&mock).await;
    let (mut used, id) = reader(&mock).await;
    advance(&mock, 10).await;
    assert_eq!(unused.closed().await, 4003);
    used.next_is("session_keepalive").await;
    assert_eq!(status(&mock, &id).await, "enabled");
    let (refused, body) = subscribe(&mock, &bots_token(&mock).await, chat_of(&unused.id, "1001")).await;
    let message = "websocket transport session does not exist or has already disconnected";
    assert_eq!((refused, &body["message"]), (400, &json!(message)));
}

#[tokio::test]
async fn whoever_sends_something_or_answers_no_ping_is_disconnected() {
    let mock = mock();
    let (mut socket, id) = reader(&mock).await;
    socket.stream.send(Frame::Ping("I am here".into())).await.unwrap();
    say(&mock, "pings are fine", None).await;
    while !matches!(socket.frame().await, Frame::Text(_)) {}
    socket.stream.send(Frame::text("hello")).await.unwrap();
    assert_eq!(socket.closed().await, 4001);
    assert_eq!(status(&mock, &id).await, "websocket_received_inbound_traffic");

    rules(&mock, &json!({"ping_seconds": 5, "pong_seconds": 5})).await;
    let (mut socket, id) = reader(&mock).await;
    advance(&mock, 5).await;
    assert!(matches!(socket.frame().await, Frame::Ping(_)));
    // It is answered with the next frame that is read.
    advance(&mock, 5).await;
    no_session(&mock).await;
    assert_eq!(status(&mock, &id).await, "websocket_failed_ping_pong");
    assert_eq!(socket.closed().await, 4002);
}

#[tokio::test]
async fn a_connection_can_be_closed_for_any_reason() {
    let mock = mock();
    for (code, reason) in
        [(4000, "websocket_internal_error"), (4005, "websocket_network_timeout"), (4006, "websocket_network_error")]
    {
        let (mut socket, id) = reader(&mock).await;
        let request = mock.post(&format!("/admin/websockets/{}/close", socket.id), &json!({"code": code}));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NO_CONTENT);
        assert_eq!((socket.closed().await, status(&mock, &id).await.as_str()), (code, reason));
    }
    let (mut socket, id) = reader(&mock).await;
    socket.stream.close(None).await.unwrap();
    no_session(&mock).await;
    assert_eq!(status(&mock, &id).await, "websocket_disconnected");
    for (path, code, status) in [("nobody", 4000, 404), ("nobody", 1000, 400)] {
        let request = mock.post(&format!("/admin/websockets/{path}/close"), &json!({"code": code}));
        assert_eq!(request.send().await.unwrap().status().as_u16(), status);
    }
}

#[tokio::test]
async fn the_subscriptions_of_a_lost_connection_are_listed_for_a_minute() {
    let mock = mock();
    let (mut socket, id) = reader(&mock).await;
    let (token, app) = (bots_token(&mock).await, app_token(&mock).await);
    let (_, list) = get(&mock, &token, SUBSCRIPTIONS).await;
    assert_eq!((&list["total"], &list["max_total_cost"], &list["data"][0]["id"]), (&json!(1), &json!(10), &json!(id)));
    assert_eq!(get(&mock, &app, SUBSCRIPTIONS).await.1["total"], 0);
    socket.stream.close(None).await.unwrap();
    no_session(&mock).await;
    advance(&mock, 59).await;
    let (_, list) = get(&mock, &token, SUBSCRIPTIONS).await;
    assert_eq!(list["data"][0]["status"], "websocket_disconnected");
    assert_eq!(list["data"][0]["transport"]["disconnected_at"], "2026-04-05T12:00:00.250000000Z");
    advance(&mock, 1).await;
    assert_eq!(get(&mock, &token, SUBSCRIPTIONS).await.1["total"], 0);
    let fixture = mock.get("/admin/world").await.1;
    assert_eq!(fixture["eventsub"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_demand_to_reconnect_moves_the_session_without_a_gap() {
    let mock = mock();
    let (mut old, id) = reader(&mock).await;
    let demanded = post(&mock, &format!("/admin/websockets/{}/reconnect", old.id), &json!({})).await;
    let demand = old.next_is("session_reconnect").await;
    let session = &demand["payload"]["session"];
    let url = session["reconnect_url"].as_str().unwrap();
    assert_eq!((&demanded["reconnect_url"], &session["status"]), (&json!(url), &json!("reconnecting")));
    assert_eq!((&session["id"], &session["keepalive_timeout_seconds"]), (&json!(old.id), &Value::Null));
    say(&mock, "before", None).await;
    assert_eq!(text(&old.next_is("notification").await), "before");

    let mut new = Socket::connect_to(url).await;
    assert_eq!((&new.id, &new.welcome["payload"]["session"]["status"]), (&old.id, &json!("connected")));
    say(&mock, "after", None).await;
    assert_eq!(text(&new.next_is("notification").await), "after");
    // The challenge is good once.
    assert_eq!(rejected(url).await, 4007);
    // The client forgets to close the old connection.
    advance(&mock, 30).await;
    loop {
        if let Frame::Close(Some(frame)) = old.frame().await {
            assert_eq!(u16::from(frame.code), 4004);
            break;
        }
    }
    new.next_is("session_keepalive").await;
    assert_eq!(status(&mock, &id).await, "enabled");
}

/// The code with which a connection is closed instead of being welcomed.
async fn rejected(url: &str) -> u16 {
    let (stream, _) = connect_async(url).await.unwrap();
    Socket { stream, id: String::new(), welcome: Value::Null }.closed().await
}

#[tokio::test]
async fn whoever_does_not_reconnect_loses_the_session() {
    let mock = mock();
    let (mut socket, id) = reader(&mock).await;
    post(&mock, &format!("/admin/websockets/{}/reconnect", socket.id), &json!({})).await;
    socket.next_is("session_reconnect").await;
    let wrong = format!("ws://{}/ws?challenge=guessed&id={}", mock.address, socket.id);
    assert_eq!(rejected(&wrong).await, 4007);
    advance(&mock, 30).await;
    assert_eq!(socket.closed().await, 4004);
    assert_eq!(status(&mock, &id).await, "websocket_failed_to_reconnect");
    let nobody = answer(mock.post("/admin/websockets/nobody/reconnect", &json!({}))).await;
    assert_eq!(nobody.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_subscription_needs_a_users_token_who_may_read() {
    let mock = mock();
    let (socket, id) = reader(&mock).await;
    let (bot, app) = (bots_token(&mock).await, app_token(&mock).await);
    let mut by_others = chat_of(&socket.id, "1001");
    by_others["condition"]["user_id"] = "1002".into();
    let mut nowhere = chat_of(&socket.id, "1001");
    nowhere["transport"] = json!({"method": "websocket"});
    let mut webhook = chat_of(&socket.id, "1001");
    webhook["transport"] = json!({"method": "webhook", "callback": "https://hook.test", "secret": "0123456789"});
    let combination = "invalid transport and auth combination";
    let exists = format!("subscription already exists: id={id}");
    let different = "websocket transport cannot have subscriptions created by different users";
    for (token, wanted, status, message) in [
        (app.as_str(), chat_of(&socket.id, "1001"), 400, combination),
        (&bot, webhook, 400, combination),
        (&bot, nowhere, 400, "missing transport session_id"),
        (&bot, by_others, 403, "subscription missing proper authorization"),
        (&bot, chat_of(&socket.id, "1001"), 409, &exists),
        ("streamers-token", online(&socket.id, "1001"), 400, different),
    ] {
        let (seen, body) = subscribe(&mock, token, wanted).await;
        assert_eq!((seen, &body["message"]), (status, &json!(message)));
    }
    let deleted = |token: String| {
        let path = format!("{SUBSCRIPTIONS}?id={id}");
        let request = mock.request(Method::DELETE, &path).bearer_auth(token).header("client-id", "app");
        async move { request.send().await.unwrap().status() }
    };
    assert_eq!(deleted(app).await, StatusCode::NOT_FOUND);
    assert_eq!(deleted(bot).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_user_has_so_many_connections_subscriptions_and_points() {
    let mock = mock_with(|fixture| {
        fixture.strangers = true;
        fixture.limits = Limits {
            websocket_connections: 2,
            websocket_subscriptions: 3,
            websocket_total_cost: 2,
            ..Limits::default()
        };
    });
    let token = bots_token(&mock).await;
    let sockets = [Socket::connect(&mock).await, Socket::connect(&mock).await, Socket::connect(&mock).await];
    for (socket, channel, status, message) in [
        (0, "1001", 202, ""),
        (0, "1002", 202, ""),
        (0, "2001", 202, ""),
        (0, "2002", 429, "maximum subscriptions of the websocket transport exceeded"),
        (1, "2002", 202, ""),
        (1, "2003", 429, "total cost exceeded"),
        (2, "1003", 429, "number of websocket transports limit exceeded"),
    ] {
        let (seen, body) = subscribe(&mock, &token, online(&sockets[socket].id, channel)).await;
        assert_eq!((seen, body["message"].as_str().unwrap_or_default()), (status, message), "{socket} {channel}");
    }
}

#[tokio::test]
async fn hostile_messages_come_over_websockets_too_as_far_as_they_can() {
    let mock = mock();
    let (mut socket, _) = reader(&mock).await;
    say(&mock, "old", Some("stale")).await;
    assert_eq!(socket.next().await["metadata"]["message_timestamp"], "2026-04-05T11:49:00.250000000Z");
    say(&mock, "twice", Some("duplicate")).await;
    assert_eq!(socket.next().await, socket.next().await);
    say(&mock, "late", Some("reordered")).await;
    say(&mock, "early", None).await;
    assert_eq!((text(&socket.next().await), text(&socket.next().await)), ("early", "late"));
    say(&mock, "long", Some("oversized")).await;
    let Frame::Text(long) = socket.frame().await else { panic!("no text") };
    assert_eq!(long.len(), 2 * 1024 * 1024);
    say(&mock, "unsigned", Some("bad_signature")).await;
    let shown = mock.get("/admin/deliveries?message_type=notification").await.1;
    let last = shown["deliveries"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["hostile"], &last["outcome"]), (&json!("bad_signature"), &json!("not_sent")));
}

#[tokio::test]
async fn a_reset_closes_all_connections() {
    let mock = mock();
    let (mut socket, _) = reader(&mock).await;
    assert_eq!(mock.request(Method::POST, "/reset").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(socket.closed().await, 4000);
    assert_eq!(mock.get("/admin/websockets").await.1, json!([]));
    let plain = answer(mock.request(Method::GET, "/ws")).await;
    assert_eq!((plain.0, &plain.1["message"]), (StatusCode::BAD_REQUEST, &json!("this is a WebSocket")));
}

#[tokio::test]
async fn what_is_sent_is_in_the_journal_and_obeys_faults_of_deliveries() {
    let mock = mock();
    let (mut socket, _) = reader(&mock).await;
    let faults = json!([
        {"kind": "not_delivered", "match": {"message_type": "notification"}},
        {"kind": "twice", "match": {"message_type": "notification"}},
    ]);
    answer(mock.post("/faults", &faults)).await;
    for line in ["lost", "doubled", "plain"] {
        say(&mock, line, None).await;
    }
    for line in ["doubled", "doubled", "plain"] {
        assert_eq!(text(&socket.next_is("notification").await), line);
    }
    let (_, journal) = mock.get("/requests?kind=delivery").await;
    let seen: Vec<_> =
        journal["requests"].as_array().unwrap().iter().map(|one| (&one["verdict"], &one["fault"])).collect();
    let (sent, twice, none) = (json!("sent"), json!("twice"), json!(null));
    assert_eq!(
        seen,
        [(&json!("withheld"), &json!("not_delivered")), (&sent, &twice), (&sent, &twice), (&sent, &none)],
        "{journal}"
    );
}
