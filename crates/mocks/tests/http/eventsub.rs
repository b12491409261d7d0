use http::{Method, StatusCode};
use mgm_mocks::eventsub::{EventSubConfig, router};
use mgm_twitch::eventsub::SigningSecrets;
use secrecy::SecretString;
use url::Url;

use crate::support::{Backend, Running, answer, assert_error, nowhere, start, url};

const PATH: &str = "/api/twitch/eventsub";
/// Neither the white space nor the invalid UTF-8 would survive a parser.
const BODY: &[u8] = b"{ \"a\" :\t1.0 }\n\xff\xfe";

fn secrets(values: &[&str]) -> SigningSecrets {
    SigningSecrets::new(&values.iter().map(|value| SecretString::from(*value)).collect::<Vec<_>>()).unwrap()
}

fn mock(backend: Url, values: &[&str]) -> Running {
    start(router(EventSubConfig { secrets: secrets(values), backend }).unwrap())
}

fn notification(mock: &Running, signature: &str) -> reqwest::RequestBuilder {
    mock.request(Method::POST, PATH)
        .header("Twitch-Eventsub-Message-Id", "id-1")
        .header("Twitch-Eventsub-Message-Timestamp", "1775390400")
        .header("Twitch-Eventsub-Message-Signature", signature)
        .body(BODY)
}

fn signature(secret: &str) -> String {
    secrets(&[secret]).sign(b"id-1", b"1775390400", BODY).unwrap()
}

#[tokio::test]
async fn a_signed_notification_goes_to_the_backend_byte_for_byte_and_its_answer_comes_back() {
    let (backend, running) = Backend::start([(StatusCode::IM_A_TEAPOT, "text/odd; x=y", b"\xffanswer".to_vec())]);
    let mock = mock(url(running.address), &["secret-of-now", "secret-of-old"]);
    let response = notification(&mock, &signature("secret-of-now"))
        .header("Twitch-Eventsub-Message-Retry", "0")
        .header("Twitch-Eventsub-Something-New", "kept")
        .header("Content-Type", "application/json; charset=utf-8")
        .header("Authorization", "not for the backend")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.headers()["content-type"], "text/odd; x=y");
    assert_eq!(&response.bytes().await.unwrap()[..], b"\xffanswer");

    let [seen] = &backend.seen()[..] else { panic!("one request is passed on") };
    assert_eq!((&seen.method, seen.path.as_str()), (&Method::POST, PATH));
    assert_eq!(seen.body, BODY);
    for (name, value) in [
        ("twitch-eventsub-message-id", "id-1"),
        ("twitch-eventsub-message-timestamp", "1775390400"),
        ("twitch-eventsub-message-signature", &signature("secret-of-now")),
        ("twitch-eventsub-message-retry", "0"),
        ("twitch-eventsub-something-new", "kept"),
        ("content-type", "application/json; charset=utf-8"),
    ] {
        assert_eq!(seen.headers[name], value, "{name}");
    }
    assert!(!seen.headers.contains_key("authorization"));
}

#[tokio::test]
async fn during_a_rotation_the_old_secret_is_good_too() {
    let (_, running) = Backend::start([(StatusCode::OK, "text/plain", Vec::new())]);
    let mock = mock(url(running.address), &["secret-of-now", "secret-of-old"]);
    let response = notification(&mock, &signature("secret-of-old")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_or_incomplete_signature_reaches_nobody() {
    let (backend, running) = Backend::start([]);
    let mock = mock(url(running.address), &["secret-of-now"]);
    for wrong in [&signature("another-secret"), "sha256=unused", ""] {
        assert_error(answer(notification(&mock, wrong)).await, StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let bare = mock.request(Method::POST, PATH).body(BODY);
    assert_error(answer(bare).await, StatusCode::UNAUTHORIZED, "unauthorized");
    assert!(backend.seen().is_empty());
}

#[tokio::test]
async fn without_a_secret_nothing_is_checked() {
    let (backend, running) = Backend::start([(StatusCode::OK, "text/plain", Vec::new())]);
    let mock = mock(url(running.address), &[""]);
    let response = mock.request(Method::POST, PATH).body(BODY).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let [seen] = &backend.seen()[..] else { panic!("one request is passed on") };
    assert_eq!(seen.body, BODY);
    assert!(!seen.headers.contains_key("content-type"));
}

#[tokio::test]
async fn a_backend_that_is_away_is_502_with_the_reason() {
    let (_held, nowhere) = nowhere();
    let mock = mock(nowhere, &["secret-of-now"]);
    let (status, body) = answer(notification(&mock, &signature("secret-of-now"))).await;
    assert!(body["message"].as_str().unwrap().to_lowercase().contains("connect"), "{body}");
    assert_error((status, body), StatusCode::BAD_GATEWAY, "backend_unreachable");
}
