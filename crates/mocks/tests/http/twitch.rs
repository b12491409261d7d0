//! The stand-in for the token service and for EventSub subscriptions.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use http::{HeaderMap, Method, StatusCode};
use mgm_mocks::helix::{HelixConfig, router};
use mgm_mocks::world::Fixture;
use mgm_system::RandomSource;
use mgm_twitch::eventsub::{SigningSecrets, check_age, header, parse_timestamp};
use mgm_twitch::helix::{CallError, Credentials, Helix, HelixBaseUrl, SubscriptionRequest};
use mgm_twitch::oauth::{OAuth, OAuthBaseUrl, TokenError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::{NOW, Running, answer, clock, start};

const SUBSCRIPTIONS: &str = "/helix/eventsub/subscriptions";
const CHAT: &str = "channel.chat.message";
const SECRET: &str = "the secret of a subscription";
const PATIENCE: Duration = Duration::from_secs(30);

fn mock() -> Running {
    let random = Arc::new(RandomSource::from_system());
    start(router(HelixConfig { strict: false, fixture: Fixture::of_strangers(), clock: clock(), random }))
}

fn oauth(mock: &Running) -> OAuth {
    let base_url = OAuthBaseUrl::parse(&format!("http://{}", mock.address)).unwrap();
    OAuth::new(base_url, PATIENCE, "client", &SecretString::from("client-secret")).unwrap()
}

fn helix(mock: &Running) -> Helix {
    Helix::new(HelixBaseUrl::parse(&format!("http://{}", mock.address)).unwrap(), PATIENCE).unwrap()
}

fn credentials(token: &SecretString) -> Credentials {
    Credentials::new("client", token).unwrap()
}

async fn validate(mock: &Running, token: &SecretString) -> (StatusCode, Value) {
    let authorization = format!("OAuth {}", token.expose_secret());
    answer(mock.request(Method::GET, "/oauth2/validate").header("authorization", authorization)).await
}

/// Calls with the token; returns whether it was accepted.
async fn is_taken(mock: &Running, token: &SecretString) -> bool {
    let path = "/helix/subscriptions/user?broadcaster_id=b&user_id=u";
    answer(mock.request(Method::GET, path).bearer_auth(token.expose_secret())).await.0 == StatusCode::OK
}

async fn expire(mock: &Running) {
    assert_eq!(mock.request(Method::POST, "/tokens/expire").send().await.unwrap().status(), StatusCode::NO_CONTENT);
}

/// A callback that answers the challenge as instructed, and passes on what it receives.
fn callback(answer: fn(&Value) -> String) -> (Running, UnboundedReceiver<(HeaderMap, Value)>) {
    let (sender, got) = unbounded_channel();
    let receive = async move |headers: HeaderMap, body: String| {
        let secrets = SigningSecrets::new([&SecretString::from(SECRET)]).unwrap();
        secrets.verify(&headers, body.as_bytes()).unwrap();
        let timestamp = parse_timestamp(headers[header::MESSAGE_TIMESTAMP].as_bytes()).unwrap();
        check_age(timestamp, NOW).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        let answer = answer(&body["challenge"]);
        sender.send((headers, body)).unwrap();
        answer
    };
    (start(Router::new().route("/callback", post(receive))), got)
}

fn challenge(challenge: &Value) -> String {
    challenge.as_str().unwrap_or_default().to_owned()
}

async fn subscribe(mock: &Running, channel: &str, to: &str) -> Result<Option<String>, CallError> {
    let secret = SecretString::from(SECRET);
    let wanted = SubscriptionRequest {
        kind: CHAT,
        broadcaster_user_id: channel,
        user_id: channel,
        callback: to,
        secret: &secret,
    };
    let app = credentials(&oauth(mock).app_token().await.unwrap());
    let made = helix(mock).create_eventsub_subscription(&wanted, &app).await?;
    Ok(made.map(|made| made.id().to_owned()))
}

/// The status of the subscription, once it is no longer being verified.
async fn verified(mock: &Running, id: &str) -> String {
    let settled = async {
        loop {
            let (_, list) = mock.get(&format!("{SUBSCRIPTIONS}?subscription_id={id}")).await;
            let status = list["data"][0]["status"].as_str().unwrap().to_owned();
            if status != "webhook_callback_verification_pending" {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.unwrap()
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_another_comes_with_the_access_token() {
    let mock = mock();
    let first = SecretString::from("configured");
    let pair = oauth(&mock).refresh(&first).await.unwrap();
    assert!(is_taken(&mock, &pair.access).await);
    let refused = TokenError::Refused { status: 400, message: Some("Invalid refresh token".to_owned()) };
    assert_eq!(oauth(&mock).refresh(&first).await.unwrap_err(), refused);
    let next = oauth(&mock).refresh(&pair.refresh).await.unwrap();
    assert_ne!(next.access.expose_secret(), pair.access.expose_secret());
    let (_, journal) = mock.get("/requests").await;
    assert_eq!(journal["total"], 4);
    assert!(!journal.to_string().contains("configured"), "{journal}");
}

#[tokio::test]
async fn a_client_without_id_or_secret_gets_no_token() {
    let mock = mock();
    for (form, message) in [
        ("", "missing client id"),
        ("client_id=c", "missing client secret"),
        ("client_id=c&client_secret=s", "missing grant type"),
        ("client_id=c&client_secret=s&grant_type=password", "unsupported grant type"),
        ("client_id=c&client_secret=s&grant_type=refresh_token", "missing refresh token"),
    ] {
        let (status, body) = answer(mock.request(Method::POST, "/oauth2/token").body(form)).await;
        assert_eq!((status, &body["message"]), (StatusCode::BAD_REQUEST, &json!(message)));
    }
}

#[tokio::test]
async fn any_token_is_good_until_all_are_ended_and_then_those_given_out_since() {
    let mock = mock();
    let (anybody, before) = (SecretString::from("anybody's"), oauth(&mock).app_token().await.unwrap());
    for token in [&anybody, &before] {
        assert!(is_taken(&mock, token).await);
        assert_eq!(validate(&mock, token).await.0, StatusCode::OK);
    }
    expire(&mock).await;
    for token in [&anybody, &before] {
        assert!(!is_taken(&mock, token).await);
        let (status, body) = validate(&mock, token).await;
        assert_eq!((status, &body["message"]), (StatusCode::UNAUTHORIZED, &json!("invalid access token")));
    }
    let after = oauth(&mock).app_token().await.unwrap();
    assert!(is_taken(&mock, &after).await);
    assert_eq!(validate(&mock, &after).await.1["client_id"], "client");
    assert_eq!(mock.request(Method::POST, "/reset").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(is_taken(&mock, &anybody).await);
}

#[tokio::test]
async fn a_callback_that_answers_its_challenge_is_enabled_and_told_of_its_revocation() {
    let mock = mock();
    let (server, mut got) = callback(challenge);
    let to = format!("http://{}/callback", server.address);
    let id = subscribe(&mock, "b", &to).await.unwrap().unwrap();
    assert_eq!(verified(&mock, &id).await, "enabled");
    let (headers, body) = got.recv().await.unwrap();
    assert_eq!(headers[header::MESSAGE_TYPE], "webhook_callback_verification");
    assert_eq!(headers[header::SUBSCRIPTION_TYPE], CHAT);
    assert_eq!(body["subscription"]["status"], "webhook_callback_verification_pending");
    let (_, list) = mock.get(SUBSCRIPTIONS).await;
    let shown = json!({
        "id": id, "status": "enabled", "type": CHAT, "version": "1",
        "condition": {"broadcaster_user_id": "b", "user_id": "b"},
        "created_at": "2026-04-05T12:00:00.250000000Z",
        "transport": {"method": "webhook", "callback": to},
        "cost": 0,
    });
    let expected = json!({"total": 1, "data": [shown], "total_cost": 0, "max_total_cost": 10_000, "pagination": {}});
    assert_eq!(list, expected);

    let revoked = mock.post("/eventsub/revoke", &json!({"status": "user_removed"}));
    let expected = json!({"id": id, "status": "user_removed", "callbackStatus": 200});
    assert_eq!(answer(revoked).await, (StatusCode::OK, expected));
    let (headers, body) = got.recv().await.unwrap();
    assert_eq!(headers[header::MESSAGE_TYPE], "revocation");
    assert_eq!((&body["subscription"]["status"], &body["subscription"]["id"]), (&json!("user_removed"), &json!(id)));
    let nothing_left = mock.post("/eventsub/revoke", &json!({}));
    assert_eq!(answer(nothing_left).await.0, StatusCode::NOT_FOUND);
    let (_, journal) = mock.get("/requests").await;
    assert!(!journal.to_string().contains(SECRET), "{journal}");
}

#[tokio::test]
async fn a_callback_that_does_not_prove_itself_has_failed() {
    let mock = mock();
    let (server, _got) = callback(|_| "something else".to_owned());
    for to in [format!("http://{}/callback", server.address), "http://127.0.0.1:9/callback".to_owned()] {
        let id = subscribe(&mock, "b", &to).await.unwrap().unwrap();
        assert_eq!(verified(&mock, &id).await, "webhook_callback_verification_failed", "{to}");
        // It does not prevent another one.
        assert!(subscribe(&mock, "b", &to).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn the_same_is_subscribed_to_once_and_again_when_it_was_deleted() {
    let mock = mock();
    let (server, _got) = callback(challenge);
    let to = format!("http://{}/callback", server.address);
    let id = subscribe(&mock, "b", &to).await.unwrap().unwrap();
    assert_eq!(subscribe(&mock, "b", &to).await, Ok(None));
    assert!(subscribe(&mock, "another", &to).await.unwrap().is_some());
    let app = credentials(&oauth(&mock).app_token().await.unwrap());
    for _ in 0..2 {
        assert_eq!(helix(&mock).delete_eventsub_subscription(&id, &app).await, Ok(()));
    }
    assert!(subscribe(&mock, "b", &to).await.unwrap().is_some());
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let mock = mock();
    let (server, _got) = callback(challenge);
    let to = format!("http://{}/callback", server.address);
    let mut made = HashSet::new();
    for channel in 0..230 {
        made.insert(subscribe(&mock, &channel.to_string(), &to).await.unwrap().unwrap());
    }
    let (_, first) = mock.get(SUBSCRIPTIONS).await;
    assert_eq!((first["data"].as_array().unwrap().len(), &first["total"]), (100, &json!(230)));
    let (_, short) = mock.get(&format!("{SUBSCRIPTIONS}?first=2")).await;
    assert_eq!(short["data"], json!(first["data"].as_array().unwrap()[..2]));
    let next = format!("{SUBSCRIPTIONS}?first=3&after={}", short["pagination"]["cursor"].as_str().unwrap());
    assert_eq!(mock.get(&next).await.1["data"], json!(first["data"].as_array().unwrap()[2..5]));
    let app = credentials(&oauth(&mock).app_token().await.unwrap());
    let all = helix(&mock).eventsub_subscriptions(CHAT, &app).await.unwrap();
    assert_eq!(all.iter().map(|one| one.id().to_owned()).collect::<HashSet<_>>(), made);
    assert_eq!(all.len(), made.len());
    assert_eq!(helix(&mock).eventsub_subscriptions("channel.follow", &app).await, Ok(vec![]));
}

#[tokio::test]
async fn webhooks_are_the_clients_own_and_a_users_token_will_not_do() {
    let mock = mock();
    let (server, _got) = callback(challenge);
    let to = format!("http://{}/callback", server.address);
    subscribe(&mock, "b", &to).await.unwrap();
    let user = oauth(&mock).refresh(&SecretString::from("r")).await.unwrap().access;
    assert_eq!(helix(&mock).eventsub_subscriptions(CHAT, &credentials(&user)).await, Ok(vec![]));
    let wanted = SubscriptionRequest {
        kind: CHAT,
        broadcaster_user_id: "c",
        user_id: "c",
        callback: &to,
        secret: &SecretString::from(SECRET),
    };
    let refused = helix(&mock).create_eventsub_subscription(&wanted, &credentials(&user)).await;
    assert!(matches!(refused, Err(CallError::Refused { status: 400, .. })), "{refused:?}");
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused() {
    let mock = mock();
    let good = json!({
        "type": CHAT, "version": "1", "condition": {"broadcaster_user_id": "b", "user_id": "b"},
        "transport": {"method": "webhook", "callback": "http://127.0.0.1:9/", "secret": SECRET},
    });
    for (pointer, value) in [
        ("/type", json!(5)),
        ("/condition", json!(null)),
        ("/transport/method", json!("carrier pigeon")),
        ("/transport/callback", json!("nowhere")),
        ("/transport/secret", json!("short")),
        ("/transport/secret", json!("")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        let (status, body) = answer(mock.post(SUBSCRIPTIONS, &bad)).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("Bad Request")), "{pointer}");
    }
    assert_eq!(mock.get(SUBSCRIPTIONS).await.1["total"], 0);
}

#[tokio::test]
async fn faults_can_be_asked_for_on_the_new_routes_too() {
    let mock = mock();
    let faults = json!([
        {"kind": "status", "route": "token", "status": 503},
        {"kind": "status", "route": "eventsub", "status": 429},
    ]);
    assert_eq!(answer(mock.post("/faults", &faults)).await.0, StatusCode::OK);
    assert!(matches!(oauth(&mock).app_token().await, Err(TokenError::Unavailable(_))));
    let app = credentials(&oauth(&mock).app_token().await.unwrap());
    let limited = helix(&mock).eventsub_subscriptions(CHAT, &app).await;
    let a_second_later = time::OffsetDateTime::from_unix_timestamp(NOW.unix_timestamp() + 1).unwrap();
    assert_eq!(limited, Err(CallError::RateLimited { reset: Some(a_second_later) }));
    assert_eq!(helix(&mock).eventsub_subscriptions(CHAT, &app).await, Ok(vec![]));
}
