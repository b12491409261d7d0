//! The endpoints of Helix, with the documented fixture.

use std::time::Duration;

use http::{Method, StatusCode};
use mgm_mocks::world::{Excess, Limits};
use mgm_twitch::extension_jwt::ExtensionKeys;
use serde_json::{Value, json};

use crate::support::{NOW, Running, answer};
use crate::world::{admin, advance, app_token, ask, fixture, get, mock, mock_with};

const CHAT: &str = "/helix/chat/messages";
const EVENTSUB: &str = "/helix/eventsub/subscriptions";

fn message(sender: &str, text: &str) -> Value {
    json!({"broadcaster_id": "1001", "sender_id": sender, "message": text})
}

async fn say(mock: &Running, token: &str, sender: &str, text: &str) -> (StatusCode, Value) {
    ask(mock, token, Method::POST, CHAT, message(sender, text)).await
}

/// Requests each path; returns the statuses of the answers.
async fn statuses(mock: &Running, asked: &[(&str, &str, u16)]) {
    for (token, path, status) in asked {
        let (seen, body) = get(mock, token, path).await;
        assert_eq!(seen.as_u16(), *status, "{token} {path}: {body}");
    }
}

fn column<'a>(body: &'a Value, name: &str) -> Vec<&'a str> {
    body["data"].as_array().unwrap().iter().map(|row| row[name].as_str().unwrap()).collect()
}

#[tokio::test]
async fn helix_is_where_the_official_tool_has_it_too_and_errors_are_its_own_everywhere() {
    let mock = mock();
    let app = app_token(&mock).await;
    statuses(
        &mock,
        &[
            (&app, "/helix/users?id=1001", 200),
            (&app, "/mock/users?id=1001", 200),
            (&app, "/eventsub/subscriptions", 200),
            (&app, "/mock/eventsub/subscriptions", 200),
            (&app, "/helix/nothing/here", 404),
            (&app, "/mock/nothing", 404),
            ("unknown", "/mock/users", 401),
        ],
    )
    .await;
    let response = mock.request(Method::GET, "/helix/nothing").send().await.unwrap();
    assert_eq!(response.headers()["ratelimit-limit"], "800");
    let nothing = json!({"error": "Not Found", "status": 404, "message": "There is nothing at /helix/nothing"});
    assert_eq!(response.json::<Value>().await.unwrap(), nothing);
}

#[tokio::test]
async fn removed_endpoints_are_gone_for_the_methods_that_they_had() {
    let mock = mock();
    let gone = json!({"error": "Gone", "status": 410, "message": "The API is deprecated."});
    for (method, path, status) in [
        (Method::GET, "/helix/users/follows?from_id=1001", 410),
        (Method::GET, "/mock/users/follows", 410),
        (Method::PUT, "/helix/streams/tags", 410),
        (Method::DELETE, "/helix/streams/tags", 404),
        (Method::GET, "/helix/users/follows/more", 404),
    ] {
        let answer = mock.request(method, path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        if status == 410 {
            assert_eq!(answer.json::<Value>().await.unwrap(), gone);
        }
    }
}

#[tokio::test]
async fn pages_of_any_origin_may_ask_and_read_the_rate_but_not_the_admin_api() {
    let mock = mock();
    let preflight = mock
        .request(Method::OPTIONS, "/helix/chat/settings?broadcaster_id=1001")
        .header("origin", "https://extension.ext-twitch.tv")
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,client-id");
    let granted = preflight.send().await.unwrap();
    assert_eq!(granted.status(), StatusCode::OK);
    assert_eq!(granted.headers()["access-control-allow-headers"], "authorization,client-id");
    assert_eq!(granted.headers()["access-control-allow-methods"], "PATCH");
    let of_helix = mock.request(Method::GET, "/helix/users").header("origin", "null").send().await.unwrap();
    assert_eq!(of_helix.headers()["access-control-allow-origin"], "*");
    let of_admin = mock.request(Method::GET, "/admin/world").header("origin", "null").send().await.unwrap();
    assert!(!of_admin.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn users_are_found_by_id_and_login_and_without_either_the_tokens_own() {
    let mock = mock();
    let app = app_token(&mock).await;
    let (_, found) = get(&mock, &app, "/helix/users?id=1002&id=9&login=STREAMER&login=nobody").await;
    assert_eq!(column(&found, "id"), ["1002", "1001"]);
    assert_eq!(found["data"][0].get("email"), None);
    assert_eq!(get(&mock, "streamers-token", "/helix/users").await.1["data"][0]["email"], "streamer@example.com");
    assert_eq!(get(&mock, "streamers-short-token", "/helix/users").await.1["data"][0].get("email"), None);
    assert_eq!(get(&mock, "anns-token", "/helix/users?id=1001").await.1["data"][0].get("email"), None);
    let too_many = format!("/helix/users?{}{}", "id=1&".repeat(60), "login=a&".repeat(41));
    statuses(&mock, &[(&app, "/helix/users", 400), (&app, &too_many, 400)]).await;
}

#[tokio::test]
async fn channels_say_what_is_on() {
    let mock = mock();
    let app = app_token(&mock).await;
    let (_, found) = get(&mock, &app, "/helix/channels?broadcaster_id=1001&broadcaster_id=9&broadcaster_id=1002").await;
    assert_eq!(column(&found, "title"), ["Gold for everybody", ""]);
    assert_eq!(column(&found, "broadcaster_login"), ["streamer", "ann"]);
    statuses(&mock, &[(&app, "/helix/channels", 400)]).await;
}

#[tokio::test]
async fn the_broadcaster_sees_who_subscribes_page_by_page() {
    let mock = mock();
    let path = "/helix/subscriptions?broadcaster_id=1001";
    let (_, all) = get(&mock, "streamers-token", path).await;
    assert_eq!((column(&all, "user_id"), column(&all, "tier")), (vec!["1002", "1004"], vec!["2000", "1000"]));
    assert_eq!((&all["total"], &all["points"], &all["pagination"]), (&json!(2), &json!(3), &json!({})));
    assert_eq!((&all["data"][0]["gifter_id"], &all["data"][1]["gifter_login"]), (&json!(""), &json!("ann")));
    let (_, first) = get(&mock, "streamers-token", &format!("{path}&first=1")).await;
    let next = format!("{path}&first=1&after={}", first["pagination"]["cursor"].as_str().unwrap());
    let (_, second) = get(&mock, "streamers-token", &next).await;
    assert_eq!((column(&first, "user_id"), column(&second, "user_id")), (vec!["1002"], vec!["1004"]));
    assert_eq!(second["pagination"], json!({}));
    let (_, one) = get(&mock, "streamers-token", &format!("{path}&user_id=1003&user_id=1004")).await;
    assert_eq!((column(&one, "user_id"), &one["total"]), (vec!["1004"], &json!(2)));
    let app = app_token(&mock).await;
    statuses(
        &mock,
        &[
            (&app, path, 401),
            ("anns-token", path, 401),
            ("streamers-short-token", path, 401),
            ("streamers-token", "/helix/subscriptions?broadcaster_id=1002", 401),
            ("streamers-token", &format!("{path}&after=unknown"), 400),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_viewer_sees_the_own_subscription_and_its_giver() {
    let mock = mock();
    let path = "/helix/subscriptions/user?broadcaster_id=1001&user_id=1002";
    let (_, anns) = get(&mock, "anns-token", path).await;
    let row = json!({
        "broadcaster_id": "1001", "broadcaster_login": "streamer", "broadcaster_name": "Streamer", "is_gift": false,
        "tier": "2000",
    });
    assert_eq!(anns, json!({"data": [row]}));
    statuses(
        &mock,
        &[
            ("bobs-token", path, 401),
            ("bobs-token", "/helix/subscriptions/user?broadcaster_id=1001&user_id=1003", 404),
            ("streamers-token", path, 401),
            ("anns-token", "/helix/subscriptions/user?user_id=1002", 400),
        ],
    )
    .await;
    admin(&mock, Method::PATCH, "subscriptions/1001/1002", json!({"gifter_id": "1001"})).await;
    let row = get(&mock, "anns-token", path).await.1["data"][0].clone();
    assert_eq!((&row["is_gift"], &row["gifter_name"]), (&json!(true), &json!("Streamer")));
}

#[tokio::test]
async fn an_extension_asks_by_its_own_token_where_the_broadcaster_has_granted_it() {
    let mock = mock_with(|fixture| {
        let mut client = fixture.clients.get(&["app"]).unwrap().clone();
        client.id = "extension".to_owned();
        fixture.clients.put(client);
    });
    let form = "client_id=extension&client_secret=app-secret&grant_type=client_credentials";
    let (_, token) = answer(mock.request(Method::POST, "/oauth2/token").body(form)).await;
    let ask = async || {
        let path = "/helix/subscriptions/user?broadcaster_id=1001&user_id=1002";
        let token = token["access_token"].as_str().unwrap();
        answer(mock.request(Method::GET, path).bearer_auth(token).header("client-id", "extension")).await.0
    };
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
    admin(&mock, Method::PUT, "grants/extension/1001", json!({"scopes": ["channel:read:subscriptions"]})).await;
    assert_eq!(ask().await, StatusCode::OK);
}

#[tokio::test]
async fn what_is_said_follows_the_rules_of_the_chat() {
    let mock = mock();
    assert_eq!(say(&mock, "anns-token", "1002", "hello").await.1["data"][0]["is_sent"], true);
    let (status, banned) = say(&mock, "bobs-token", "1003", "hello").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{banned}");
    assert_eq!(say(&mock, "anns-token", "1001", "hello").await.0, StatusCode::UNAUTHORIZED);
    let (_, same) = say(&mock, "anns-token", "1002", "hello").await;
    assert_eq!(
        (&same["data"][0]["is_sent"], &same["data"][0]["drop_reason"]["code"]),
        (&json!(false), &json!("msg_duplicate"))
    );
    // The same with an app token: the bot moderates, so the broadcaster's grant is not needed.
    let app = app_token(&mock).await;
    admin(&mock, Method::PATCH, "grants/app/1001", json!({"scopes": []})).await;
    assert_eq!(say(&mock, &app, "1004", "hello").await.1["data"][0]["is_sent"], true);
    admin(&mock, Method::DELETE, "moderators/1001/1004", Value::Null).await;
    assert_eq!(say(&mock, &app, "1004", "again").await.1["message"], "Missing scope: channel:bot");
    advance(&mock, 30).await;
    assert_eq!(say(&mock, "anns-token", "1002", "hello").await.1["data"][0]["is_sent"], true);
    assert_eq!(mock.get("/sent").await.1["messages"], json!(["hello", "hello", "hello"]));
}

#[tokio::test]
async fn more_messages_than_the_limit_are_refused_or_dropped_until_time_has_passed() {
    for (excess, expected) in [(Excess::Refused, 429), (Excess::Dropped, 200)] {
        let mock = mock_with(|fixture| {
            fixture.limits =
                Limits { chat_messages: 2, chat_messages_of_moderators: 3, chat_excess: excess, ..Limits::default() };
        });
        for (token, sender, count) in [("anns-token", "1002", 2), ("streamers-token", "1001", 3)] {
            for number in 0..count {
                let sent = say(&mock, token, sender, &number.to_string()).await;
                assert_eq!(sent.1["data"][0]["is_sent"], true, "{sender} {number}");
            }
            let (status, body) = say(&mock, token, sender, "one more").await;
            assert_eq!(status.as_u16(), expected);
            assert_ne!(body["data"][0]["is_sent"], true);
        }
        advance(&mock, 30).await;
        assert_eq!(say(&mock, "anns-token", "1002", "one more").await.1["data"][0]["is_sent"], true);
    }
}

#[tokio::test]
async fn a_message_is_dropped_for_the_reason_that_was_asked_for() {
    let mock = mock();
    let reason = json!({"code": "automod_held", "message": "Held."});
    let fault = json!([{"kind": "not_sent", "dropReason": reason}]);
    assert_eq!(answer(mock.post("/faults", &fault)).await.1, fault_with_defaults(&reason));
    let (status, dropped) = say(&mock, "anns-token", "1002", "hello").await;
    assert_eq!((status, &dropped["data"][0]["drop_reason"]), (StatusCode::OK, &reason));
    assert_eq!(say(&mock, "anns-token", "1002", "hello").await.1["data"][0]["is_sent"], true);
    for wrong in [
        json!([{"kind": "duplicate", "dropReason": reason}]),
        json!([{"kind": "not_sent", "route": "subscription", "dropReason": reason}]),
    ] {
        assert_eq!(answer(mock.post("/faults", &wrong)).await.0, StatusCode::BAD_REQUEST);
    }
}

fn fault_with_defaults(reason: &Value) -> Value {
    json!([{"kind": "not_sent", "route": "chat", "times": 1, "dropReason": reason}])
}

#[tokio::test]
async fn a_moderator_sees_who_is_in_the_chat() {
    let mock = mock();
    let path = "/helix/chat/chatters?broadcaster_id=1001&moderator_id=1001";
    assert_eq!(column(&get(&mock, "streamers-token", path).await.1, "user_login"), ["ann"]);
    say(&mock, "streamers-token", "1001", "hello").await;
    let (_, chatters) = get(&mock, "streamers-token", path).await;
    assert_eq!((column(&chatters, "user_login"), &chatters["total"]), (vec!["streamer", "ann"], &json!(2)));
    let elsewhere = "/helix/chat/chatters?broadcaster_id=1002&moderator_id=1001";
    statuses(
        &mock,
        &[
            ("anns-token", path, 401),
            ("streamers-token", "/helix/chat/chatters?broadcaster_id=1001&moderator_id=1004", 401),
            ("streamers-token", elsewhere, 403),
            ("streamers-token", "/helix/chat/chatters?broadcaster_id=1001", 400),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_settings_of_a_chat_are_shown_and_changed() {
    let mock = mock();
    let path = "/helix/chat/settings?broadcaster_id=1001";
    let (_, shown) = get(&mock, "anns-token", path).await;
    assert_eq!(shown["data"][0]["slow_mode_wait_time"], 10);
    assert_eq!(shown["data"][0].get("moderator_id"), None);
    let as_moderator = format!("{path}&moderator_id=1001");
    assert_eq!(get(&mock, "streamers-token", &as_moderator).await.1["data"][0]["non_moderator_chat_delay"], false);
    let update = async |token: &str, path: &str, body: Value| ask(&mock, token, Method::PATCH, path, body).await;
    let (_, changed) =
        update("streamers-token", &as_moderator, json!({"slow_mode": false, "follower_mode": true})).await;
    let row = &changed["data"][0];
    assert_eq!((&row["slow_mode_wait_time"], &row["follower_mode_duration"]), (&Value::Null, &json!(0)));
    assert_eq!(get(&mock, "anns-token", path).await.1["data"][0]["follower_mode"], true);
    for (token, path, body, status) in [
        ("anns-token", &as_moderator, json!({"emote_mode": true}), 401),
        ("streamers-token", &as_moderator, json!({"slow_mode_wait_time": 10}), 400),
        ("streamers-token", &path.to_owned(), json!({}), 400),
        ("streamers-token", &as_moderator.replace("broadcaster_id=1001", "broadcaster_id=1002"), json!({}), 403),
    ] {
        assert_eq!(update(token, path, body).await.0.as_u16(), status, "{token} {path}");
    }
}

#[tokio::test]
async fn the_broadcaster_sees_who_moderates() {
    let mock = mock();
    let path = "/helix/moderation/moderators?broadcaster_id=1001";
    assert_eq!(column(&get(&mock, "streamers-token", path).await.1, "user_login"), ["bot"]);
    assert_eq!(get(&mock, "streamers-token", &format!("{path}&user_id=1002")).await.1["data"], json!([]));
    let others = "/helix/moderation/moderators?broadcaster_id=1002";
    statuses(&mock, &[("anns-token", path, 401), ("streamers-token", others, 401)]).await;
}

#[tokio::test]
async fn every_call_costs_a_point_of_its_clients_or_its_users_bucket() {
    let mock = mock_with(|fixture| fixture.limits.points_per_minute = 3);
    let call = async |token: &str| {
        let request = mock.request(Method::GET, "/helix/users?id=1001").bearer_auth(token).header("client-id", "app");
        let response = request.send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().parse::<i64>().unwrap();
        let said = (header("ratelimit-remaining"), header("ratelimit-reset") - NOW.unix_timestamp());
        assert_eq!(header("ratelimit-limit"), 3);
        (response.status().as_u16(), said.0, said.1)
    };
    for (status, remaining, reset) in [(200, 2, 21), (200, 1, 41), (200, 0, 61), (429, 0, 61)] {
        assert_eq!(call("anns-token").await, (status, remaining, reset));
    }
    assert_eq!(call("bobs-token").await.0, 200);
    let app = app_token(&mock).await;
    assert_eq!(call(&app).await.1, 2);
    advance(&mock, 20).await;
    assert_eq!(call("anns-token").await.0, 200);
    assert_eq!(call("anns-token").await.0, 429);
    let (_, refused) = get(&mock, "anns-token", "/helix/users?id=1001").await;
    assert_eq!(refused, json!({"error": "Too Many Requests", "status": 429, "message": "Too Many Requests"}));
}

fn subscription(kind: &str, version: &str, condition: &Value) -> Value {
    let transport = json!({"method": "webhook", "callback": "http://127.0.0.1:9/", "secret": "0123456789"});
    json!({"type": kind, "version": version, "condition": condition, "transport": transport})
}

#[tokio::test]
async fn a_subscription_is_of_a_known_type_with_its_condition_and_authorisation() {
    let mock = mock();
    let app = app_token(&mock).await;
    let channel = json!({"broadcaster_user_id": "1001"});
    let chat = json!({"broadcaster_user_id": "1001", "user_id": "1004"});
    for (kind, version, condition, status) in [
        ("channel.chat.message", "1", chat.clone(), 202),
        ("channel.chat.message", "1", json!({"broadcaster_user_id": "1001", "user_id": "1002"}), 403),
        ("channel.chat.message", "2", chat, 400),
        ("channel.follow", "1", channel.clone(), 400),
        ("channel.follow", "2", json!({"broadcaster_user_id": "1001", "moderator_user_id": "1004"}), 403),
        ("channel.subscribe", "1", channel.clone(), 202),
        ("channel.subscribe", "1", json!({"broadcaster_user_id": "1002"}), 403),
        ("stream.online", "1", channel, 202),
        ("stream.online", "1", json!({"broadcaster_user_id": "9"}), 400),
        ("channel.raid", "1", json!({"from_broadcaster_user_id": "1001"}), 202),
        ("channel.raid", "1", json!({}), 400),
        ("channel.nothing", "1", json!({}), 400),
    ] {
        let made = ask(&mock, &app, Method::POST, EVENTSUB, subscription(kind, version, &condition)).await;
        assert_eq!(made.0.as_u16(), status, "{kind} {condition}: {}", made.1);
    }
    let (_, list) = get(&mock, &app, EVENTSUB).await;
    assert_eq!((&list["total"], &list["total_cost"], &list["max_total_cost"]), (&json!(4), &json!(0), &json!(10_000)));
    let all = mock.get("/admin/eventsub").await.1;
    assert_eq!((all.as_array().unwrap().len(), &all[1]["client_id"]), (5, &json!("app")));
}

#[tokio::test]
async fn a_subscription_about_whoever_has_granted_nothing_costs_a_point_and_belongs_to_its_client() {
    let mock = mock_with(|fixture| {
        fixture.strangers = true;
        fixture.limits.eventsub_total_cost = 2;
    });
    let app = app_token(&mock).await;
    // Its callback is never answered, so all subscriptions stay pending.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback = format!("http://{}/", silent.local_addr().unwrap());
    let online = |id: &str| {
        let mut wanted = subscription("stream.online", "1", &json!({"broadcaster_user_id": id}));
        wanted["transport"]["callback"] = callback.as_str().into();
        wanted
    };
    for (id, cost, status) in [("1001", 0, 202), ("2001", 1, 202), ("2002", 2, 202), ("2003", 2, 429), ("1002", 2, 202)]
    {
        assert_eq!(ask(&mock, &app, Method::POST, EVENTSUB, online(id)).await.0.as_u16(), status, "{id}");
        assert_eq!(get(&mock, &app, EVENTSUB).await.1["total_cost"], cost, "{id}");
    }
    let form = "client_id=other-app&client_secret=other-secret&grant_type=client_credentials";
    let (_, other) = answer(mock.request(Method::POST, "/oauth2/token").body(form)).await;
    let token = other["access_token"].as_str().unwrap();
    let list = mock.request(Method::GET, EVENTSUB).bearer_auth(token).header("client-id", "other-app");
    assert_eq!(column(&answer(list).await.1, "id"), ["f1c2a387-161a-49f9-a165-0f21d7a4e1c4"]);
}

#[tokio::test]
async fn a_client_sees_what_users_have_granted_it() {
    let mock = mock();
    let app = app_token(&mock).await;
    let path = "/helix/authorization/users?user_id=1003&user_id=nobody&user_id=1001";
    let (status, body) = get(&mock, &app, path).await;
    assert_eq!((status, column(&body, "user_login")), (StatusCode::OK, vec!["bob", "streamer"]));
    let scopes = json!(["user:read:subscriptions", "user:write:chat"]);
    let bob =
        json!({"user_id": "1003", "user_login": "bob", "user_name": "bob", "scopes": scopes, "has_authorized": true});
    assert_eq!(body["data"][0], bob);
    admin(&mock, Method::DELETE, "grants/app/1003", Value::Null).await;
    let (_, body) = get(&mock, &app, path).await;
    assert_eq!((&body["data"][0]["scopes"], &body["data"][0]["has_authorized"]), (&json!([]), &json!(false)));
    let eleven = (0..11).map(|number| format!("user_id={number}")).collect::<Vec<_>>().join("&");
    statuses(
        &mock,
        &[
            (&app, "/helix/authorization/users", 400),
            (&app, &format!("/helix/authorization/users?{eleven}"), 400),
            ("streamers-token", path, 401),
            ("unknown", path, 401),
        ],
    )
    .await;
}

/// A token that the Extension's backend signed.
fn backends(claims: &Value) -> String {
    let secret = fixture().extensions.get(&["extension"]).unwrap().secret.clone();
    ExtensionKeys::parse(secret.text()).unwrap().sign(claims).unwrap()
}

async fn by_extension(mock: &Running, token: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = mock.request(method, path).bearer_auth(token).header("client-id", "extension").body(body.to_string());
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
}

fn in_an_hour() -> i64 {
    (NOW + Duration::from_secs(3600)).unix_timestamp()
}

#[tokio::test]
async fn the_backend_of_an_extension_proves_itself_by_its_own_token() {
    let mock = mock();
    let path = "/helix/extensions/jwt/secrets?extension_id=extension";
    let good = json!({"exp": in_an_hour(), "user_id": "1001", "role": "external"});
    assert_eq!(by_extension(&mock, &backends(&good), Method::GET, path, Value::Null).await.0, 200);
    for claims in [
        json!({"exp": in_an_hour(), "user_id": "1001", "role": "viewer"}),
        json!({"exp": in_an_hour(), "user_id": "1002", "role": "external"}),
        json!({"exp": NOW.unix_timestamp() - 1, "user_id": "1001", "role": "external"}),
    ] {
        assert_eq!(by_extension(&mock, &backends(&claims), Method::GET, path, Value::Null).await.0, 401, "{claims}");
    }
    for token in ["", "nonsense", "streamers-token"] {
        assert_eq!(by_extension(&mock, token, Method::GET, path, Value::Null).await.0, 401, "{token}");
    }
    let others = path.replace("=extension", "=another");
    assert_eq!(by_extension(&mock, &backends(&good), Method::GET, &others, Value::Null).await.0, 401);
}

#[tokio::test]
async fn an_extension_keeps_configurations_publishes_and_chats_within_its_limits() {
    let mock = mock();
    let token = backends(&json!({"exp": in_an_hour(), "user_id": "1001", "role": "external"}));
    let ask = async |method: Method, path: &str, body: Value| {
        by_extension(&mock, &token, method, &format!("/helix/extensions/{path}"), body).await
    };
    let segment = json!({"extension_id": "extension", "segment": "broadcaster", "broadcaster_id": "1001", "content": "c", "version": "1"});
    assert_eq!(ask(Method::PUT, "configurations", segment).await.0, 204);
    let stored = "configurations?extension_id=extension&segment=broadcaster&broadcaster_id=1001";
    let row = json!({"segment": "broadcaster", "broadcaster_id": "1001", "content": "c", "version": "1"});
    assert_eq!(ask(Method::GET, stored, Value::Null).await, (200, json!({"data": [row]})));
    let long = "x".repeat(5 * 1024 + 1);
    let publish = |message: &str| json!({"target": ["broadcast"], "broadcaster_id": "1001", "message": message});
    let chat = |text: &str| json!({"text": text, "extension_id": "extension", "extension_version": "1"});
    for (method, path, body, status) in [
        (Method::GET, "configurations?extension_id=extension&segment=broadcaster", Value::Null, 400),
        (Method::GET, "configurations?extension_id=extension&segment=nothing", Value::Null, 400),
        (
            Method::PUT,
            "configurations",
            json!({"extension_id": "extension", "segment": "global", "content": long}),
            400,
        ),
        (Method::PUT, "configurations", json!({"extension_id": "extension", "segment": "global", "content": "g"}), 204),
        (
            Method::PUT,
            "required_configuration?broadcaster_id=1001",
            json!({"extension_id": "extension", "extension_version": "1", "required_configuration": "r"}),
            204,
        ),
        (Method::POST, "pubsub", publish("hello"), 204),
        (Method::POST, "pubsub", publish(&long), 422),
        (Method::POST, "pubsub", json!({"target": ["everywhere"], "broadcaster_id": "1001", "message": "m"}), 400),
        (Method::POST, "pubsub", json!({"target": ["global"], "is_global_broadcast": true, "message": "m"}), 204),
        (Method::POST, "chat?broadcaster_id=1001", chat(&"x".repeat(280)), 204),
        (Method::POST, "chat?broadcaster_id=1001", chat(&"x".repeat(281)), 400),
        (Method::POST, "chat", chat("x"), 400),
    ] {
        let (seen, said) = ask(method, path, body).await;
        assert_eq!(seen, status, "{path}: {said}");
    }
    for _ in 1..12 {
        assert_eq!(ask(Method::POST, "chat?broadcaster_id=1001", chat("x")).await.0, 204);
    }
    assert_eq!(ask(Method::POST, "chat?broadcaster_id=1001", chat("x")).await.0, 429);
    advance(&mock, 5).await;
    assert_eq!(ask(Method::POST, "chat?broadcaster_id=1001", chat("x")).await.0, 204);
}

#[tokio::test]
async fn a_new_secret_takes_the_place_of_the_old_one_after_its_delay() {
    let mock = mock();
    let claims = json!({"exp": in_an_hour(), "user_id": "1001", "role": "external"});
    let old = backends(&claims);
    let path = "/helix/extensions/jwt/secrets?extension_id=extension";
    assert_eq!(by_extension(&mock, &old, Method::POST, &format!("{path}&delay=299"), Value::Null).await.0, 400);
    let (_, made) = by_extension(&mock, &old, Method::POST, &format!("{path}&delay=600"), Value::Null).await;
    let secrets = made["data"][0]["secrets"].as_array().unwrap();
    assert_eq!((secrets.len(), &secrets[0]["expires_at"]), (2, &secrets[1]["active_at"]));
    let new = ExtensionKeys::parse(secrets[1]["content"].as_str().unwrap()).unwrap().sign(&claims).unwrap();
    for (seconds, old_is_good) in [(599, true), (1, false)] {
        advance(&mock, seconds).await;
        for (token, is_good) in [(&old, old_is_good), (&new, !old_is_good)] {
            let status = by_extension(&mock, token, Method::GET, path, Value::Null).await.0;
            assert_eq!(status, if is_good { 200 } else { 401 });
        }
    }
}
