//! The stand-in for Helix that enforces Twitch's rules.

use http::{Method, StatusCode};
use mgm_mocks::helix::{HelixConfig, router};
use mgm_mocks::world::Fixture;
use mgm_settings::Settings;
use serde_json::{Value, json};

use crate::support::{NOW, Running, answer, clock, start};

const CHAT: &str = "/helix/chat/messages";
const SUBSCRIPTIONS: &str = "/helix/subscriptions?broadcaster_id=streamer&user_id=u";
const EVENTSUB: &str = "/helix/eventsub/subscriptions";

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.mock_helix.strict_auth = true;
    settings.twitch.helix_client_id = Some("client".to_owned());
    settings.twitch.helix_client_secret = Some("client-secret".into());
    settings.twitch.broadcaster_user_id = Some("streamer".to_owned().try_into().unwrap());
    settings.twitch.broadcaster_access_token = Some("access".into());
    settings.twitch.broadcaster_refresh_token = Some("refresh".into());
    settings
}

fn mock_with(change: impl FnOnce(&mut Settings)) -> Running {
    let mut settings = settings();
    change(&mut settings);
    start(router(HelixConfig { clock: clock(), ..HelixConfig::from_settings(&settings).unwrap() }))
}

fn mock() -> Running {
    mock_with(|_| ())
}

/// Calls with a token and the client's id.
async fn ask(mock: &Running, token: &str, method: Method, path: &str, body: Value) -> (StatusCode, String) {
    let request = mock.request(method, path).bearer_auth(token).header("client-id", "client").body(body.to_string());
    let response = request.send().await.unwrap();
    let (status, body) = (response.status(), response.text().await.unwrap());
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    if status.is_client_error() {
        assert_eq!(body["status"], status.as_u16(), "{body}");
        assert_eq!(body["error"], status.canonical_reason().unwrap(), "{body}");
    }
    (status, body["message"].as_str().unwrap_or_default().to_owned())
}

async fn app_token(mock: &Running) -> String {
    let form = "client_id=client&client_secret=client-secret&grant_type=client_credentials";
    let (status, body) = answer(mock.request(Method::POST, "/oauth2/token").body(form)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

fn message() -> Value {
    json!({"broadcaster_id": "streamer", "sender_id": "streamer", "message": "hello"})
}

/// The value with one of its parts changed, or removed if the new one is null.
fn but(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match new {
        Value::Null => drop(parent.remove(name)),
        new => drop(parent.insert(name.to_owned(), new)),
    }
    value
}

async fn captured(mock: &Running) -> bool {
    mock.get("/last-request").await.1["captured"].as_bool().unwrap()
}

#[tokio::test]
async fn every_call_needs_a_good_token_of_the_client_that_it_names() {
    let mock = mock();
    for (authorization, client_id, message) in [
        ("", "client", "OAuth token is missing"),
        ("Bearer ", "client", "OAuth token is missing"),
        ("Basic access", "client", "OAuth token is missing"),
        ("OAuth access", "client", "OAuth token is missing"),
        ("Bearer access", "", "Client-Id header is missing"),
        ("Bearer another", "client", "Invalid OAuth token"),
        ("Bearer access", "another", "Client ID and OAuth token do not match"),
    ] {
        for (method, path) in [
            (Method::POST, CHAT),
            (Method::GET, SUBSCRIPTIONS),
            (Method::GET, "/helix/subscriptions/user"),
            (Method::GET, EVENTSUB),
            (Method::POST, EVENTSUB),
            (Method::DELETE, EVENTSUB),
        ] {
            let request =
                mock.request(method, path).header("authorization", authorization).header("client-id", client_id);
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["ratelimit-limit"], "800");
            assert!(response.headers().contains_key("ratelimit-remaining"));
            assert_eq!(response.headers()["ratelimit-reset"], (NOW.unix_timestamp() + 1).to_string());
            let status = response.status();
            let expected = json!({"error": "Unauthorized", "status": 401, "message": message});
            assert_eq!(
                (status, response.json::<Value>().await.unwrap()),
                (StatusCode::UNAUTHORIZED, expected),
                "{path}"
            );
        }
    }
    assert!(!captured(&mock).await);
}

#[tokio::test]
async fn the_broadcaster_asks_about_the_own_channel_and_with_the_scope_for_it() {
    let mock = mock();
    let get = async |token: &str, path: &str| ask(&mock, token, Method::GET, path, Value::Null).await;
    assert_eq!(get("access", SUBSCRIPTIONS).await.0, StatusCode::OK);
    let refused = (
        StatusCode::UNAUTHORIZED,
        "The ID in broadcaster_id must match the user ID found in the request's OAuth token.".to_owned(),
    );
    assert_eq!(get("access", "/helix/subscriptions?broadcaster_id=other&user_id=u").await, refused);
    assert_eq!(get("access", "/helix/subscriptions?user_id=u").await.0, StatusCode::BAD_REQUEST);
    let app = app_token(&mock).await;
    assert_eq!(get(&app, SUBSCRIPTIONS).await.0, StatusCode::UNAUTHORIZED);
    // Calls that a backend with the broadcaster's token must not make.
    let refused = (StatusCode::UNAUTHORIZED, "Missing scope: user:read:subscriptions".to_owned());
    assert_eq!(get("access", "/helix/subscriptions/user?broadcaster_id=streamer&user_id=u").await, refused);

    let without = mock_with(|settings| settings.mock_helix.broadcaster_scopes = vec!["user:write:chat".to_owned()]);
    let refused = (StatusCode::UNAUTHORIZED, "Missing scope: channel:read:subscriptions".to_owned());
    assert_eq!(ask(&without, "access", Method::GET, SUBSCRIPTIONS, Value::Null).await, refused);
}

#[tokio::test]
async fn a_viewer_asks_about_themselves() {
    let mock =
        mock_with(|settings| settings.mock_helix.broadcaster_scopes = vec!["user:read:subscriptions".to_owned()]);
    let get = async |user: &str| {
        let path = format!("/helix/subscriptions/user?broadcaster_id=b&user_id={user}");
        ask(&mock, "access", Method::GET, &path, Value::Null).await.0
    };
    assert_eq!(get("streamer").await, StatusCode::OK);
    assert_eq!(get("another").await, StatusCode::UNAUTHORIZED);
    assert_eq!(get("").await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_message_is_the_senders_own_and_of_a_length_that_twitch_takes() {
    let mock = mock();
    let unauthorized = StatusCode::UNAUTHORIZED;
    for (body, status) in [
        (but(message(), "/sender_id", json!("other")), unauthorized),
        (but(message(), "/sender_id", Value::Null), StatusCode::BAD_REQUEST),
        (but(message(), "/broadcaster_id", Value::Null), StatusCode::BAD_REQUEST),
        (but(message(), "/message", json!("")), StatusCode::BAD_REQUEST),
        (but(message(), "/for_source_only", json!(true)), StatusCode::BAD_REQUEST),
        (but(message(), "/message", json!("я".repeat(501))), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(ask(&mock, "access", Method::POST, CHAT, body.clone()).await.0, status, "{body}");
    }
    assert!(!captured(&mock).await);
    let longest = but(message(), "/message", json!("я".repeat(500)));
    assert_eq!(ask(&mock, "access", Method::POST, CHAT, longest).await.0, StatusCode::OK);
    let query = format!("{CHAT}?broadcaster_id=streamer&sender_id=streamer");
    assert_eq!(ask(&mock, "access", Method::POST, &query, json!({"message": "by query"})).await.0, StatusCode::OK);
    assert_eq!(mock.get("/last-request").await.1["body"]["message"], "by query");
}

#[tokio::test]
async fn the_clients_own_token_writes_where_sender_and_broadcaster_have_granted_it() {
    let mock = mock();
    let app = app_token(&mock).await;
    assert_eq!(ask(&mock, &app, Method::POST, CHAT, message()).await.0, StatusCode::OK);
    let another = but(message(), "/sender_id", json!("other"));
    let refused = (StatusCode::UNAUTHORIZED, "Missing scope: user:write:chat".to_owned());
    assert_eq!(ask(&mock, &app, Method::POST, CHAT, another).await, refused);
    let elsewhere = but(message(), "/broadcaster_id", json!("other"));
    let refused = (StatusCode::UNAUTHORIZED, "Missing scope: channel:bot".to_owned());
    assert_eq!(ask(&mock, &app, Method::POST, CHAT, elsewhere).await, refused);
}

#[tokio::test]
async fn a_webhook_is_the_clients_and_its_reader_has_granted_it() {
    let wanted = json!({
        "type": "channel.chat.message", "version": "1",
        "condition": {"broadcaster_user_id": "streamer", "user_id": "streamer"},
        "transport": {"method": "webhook", "callback": "http://127.0.0.1:9/", "secret": "0123456789"},
    });
    let mock = mock();
    let app = app_token(&mock).await;
    let by_user = ask(&mock, "access", Method::POST, EVENTSUB, wanted.clone()).await;
    assert_eq!(by_user, (StatusCode::BAD_REQUEST, "invalid transport and auth combination".to_owned()));
    for (pointer, value, status) in [
        ("/version", json!("2"), StatusCode::BAD_REQUEST),
        ("/condition/user_id", Value::Null, StatusCode::BAD_REQUEST),
        ("/condition/broadcaster_user_id", Value::Null, StatusCode::BAD_REQUEST),
        ("/transport/callback", json!("http://example.com/"), StatusCode::BAD_REQUEST),
        ("/transport/callback", json!("https://example.com:8443/"), StatusCode::BAD_REQUEST),
        ("/condition/user_id", json!("other"), StatusCode::FORBIDDEN),
        ("/condition/broadcaster_user_id", json!("other"), StatusCode::FORBIDDEN),
    ] {
        let refused = ask(&mock, &app, Method::POST, EVENTSUB, but(wanted.clone(), pointer, value.clone())).await;
        // A missing grant of the other channel is detected by `channel:bot`.
        assert_eq!(refused.0, status, "{pointer} {value}");
    }
    assert_eq!(ask(&mock, &app, Method::POST, EVENTSUB, wanted.clone()).await.0, StatusCode::ACCEPTED);
    let without = mock_with(|settings| settings.mock_helix.broadcaster_scopes = vec!["user:read:chat".to_owned()]);
    let app = app_token(&without).await;
    let refused = (StatusCode::FORBIDDEN, "subscription missing proper authorization".to_owned());
    assert_eq!(ask(&without, &app, Method::POST, EVENTSUB, wanted).await, refused);
}

#[tokio::test]
async fn three_subscriptions_may_be_of_the_same_type_and_condition() {
    let mock = mock();
    let app = app_token(&mock).await;
    // Its callbacks are never answered, so all subscriptions stay pending.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = silent.local_addr().unwrap();
    let wanted = |path: usize| {
        json!({
            "type": "channel.chat.message", "version": "1",
            "condition": {"broadcaster_user_id": "streamer", "user_id": "streamer"},
            "transport": {"method": "webhook", "callback": format!("http://{at}/{path}"), "secret": "0123456789"},
        })
    };
    let mut statuses = vec![];
    for path in [1, 1, 2, 3, 4] {
        statuses.push(ask(&mock, &app, Method::POST, EVENTSUB, wanted(path)).await.0.as_u16());
    }
    assert_eq!(statuses, [202, 409, 202, 202, 429]);
    let list = async |query: &str| ask(&mock, &app, Method::GET, &format!("{EVENTSUB}{query}"), Value::Null).await.0;
    assert_eq!(list("?type=channel.chat.message&status=enabled").await, StatusCode::BAD_REQUEST);
    assert_eq!(list("?type=channel.chat.message&first=100").await, StatusCode::OK);
    let delete =
        async |query: &str| ask(&mock, &app, Method::DELETE, &format!("{EVENTSUB}{query}"), Value::Null).await.0;
    assert_eq!(delete("").await, StatusCode::BAD_REQUEST);
    assert_eq!(delete("?id=unknown").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn tokens_are_given_to_the_client_alone_and_say_whose_they_are() {
    let mock = mock();
    let token = async |form: &str| answer(mock.request(Method::POST, "/oauth2/token").body(form.to_owned())).await;
    let client = "client_id=client&client_secret=client-secret";
    for (form, status, message) in [
        ("client_id=other&client_secret=client-secret&grant_type=client_credentials", 400, "invalid client"),
        ("client_id=client&client_secret=other&grant_type=client_credentials", 403, "invalid client secret"),
        (&format!("{client}&grant_type=refresh_token&refresh_token=other"), 400, "Invalid refresh token"),
    ] {
        let (seen, body) = token(form).await;
        assert_eq!((seen.as_u16(), &body["message"]), (status, &json!(message)), "{form}");
    }
    let (_, pair) = token(&format!("{client}&grant_type=refresh_token&refresh_token=refresh")).await;
    let (access, refresh) = (pair["access_token"].as_str().unwrap(), pair["refresh_token"].as_str().unwrap());
    let again = token(&format!("{client}&grant_type=refresh_token&refresh_token=refresh")).await;
    assert_eq!(again.0, StatusCode::BAD_REQUEST);
    assert_eq!(token(&format!("{client}&grant_type=refresh_token&refresh_token={refresh}")).await.0, StatusCode::OK);
    let by_query = mock.request(Method::POST, &format!("/oauth2/token?{client}&grant_type=client_credentials"));
    assert_eq!(answer(by_query).await.0, StatusCode::OK);

    let validate = async |token: &str| {
        answer(mock.request(Method::GET, "/oauth2/validate").header("authorization", format!("OAuth {token}"))).await
    };
    let scopes = Settings::default().mock_helix.broadcaster_scopes;
    let users = json!({
        "client_id": "client", "login": "streamer", "scopes": scopes, "user_id": "streamer", "expires_in": 14_124,
    });
    for token in ["access", access] {
        assert_eq!(validate(token).await, (StatusCode::OK, users.clone()));
    }
    let apps = json!({"client_id": "client", "scopes": null, "expires_in": 5_011_271});
    assert_eq!(validate(&app_token(&mock).await).await, (StatusCode::OK, apps));
    let void = json!({"status": 401, "message": "invalid access token"});
    assert_eq!(validate("another").await, (StatusCode::UNAUTHORIZED, void));

    assert_eq!(mock.request(Method::POST, "/tokens/expire").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    for token in ["access", access] {
        assert_eq!(validate(token).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(ask(&mock, token, Method::GET, SUBSCRIPTIONS, Value::Null).await.1, "Invalid OAuth token");
    }
}

#[tokio::test]
async fn the_scopes_that_the_stand_in_grants_are_those_that_the_backend_needs() {
    use mgm_twitch::helix::{CHAT_SCOPE, CHAT_SUBSCRIPTION_SCOPES, SUBSCRIPTIONS_SCOPE};

    let granted = &Fixture::from_settings(&settings()).grants.get(&["client", "streamer"]).unwrap().scopes.clone();
    for needed in CHAT_SUBSCRIPTION_SCOPES.iter().chain(&[CHAT_SCOPE, SUBSCRIPTIONS_SCOPE]) {
        assert!(granted.iter().any(|scope| scope == needed), "{needed}");
    }
}
