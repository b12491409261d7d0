//! The client of the token service against a server on loopback with prepared answers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use mgm_twitch::oauth::{OAuth, OAuthBaseUrl, TokenError, Validation, Validator};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const REFRESH_TOKEN: &str = "very-secret-refresh-token";
const CLIENT_SECRET: &str = "very-secret-client-secret";

/// A server for one request, and the request once it has arrived.
async fn listening(answer: String) -> (OAuthBaseUrl, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = OAuthBaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        // The token ends the request, or its head arrives in one piece.
        while !String::from_utf8_lossy(&request).contains(REFRESH_TOKEN) {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0);
            request.extend_from_slice(&buffer[..read]);
        }
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        String::from_utf8(request).unwrap()
    });
    (base_url, request)
}

/// A client for such a server.
async fn server(answer: String) -> (OAuth, JoinHandle<String>) {
    let (base_url, request) = listening(answer).await;
    let secret = SecretString::from(CLIENT_SECRET);
    (OAuth::new(base_url, Duration::from_secs(20), "the client", &secret).unwrap(), request)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

async fn refreshed(answer: String) -> Result<(String, String), TokenError> {
    let (oauth, _request) = server(answer).await;
    let pair = oauth.refresh(&REFRESH_TOKEN.into()).await?;
    Ok((pair.access.expose_secret().to_owned(), pair.refresh.expose_secret().to_owned()))
}

#[tokio::test]
async fn a_refresh_is_one_form_as_twitch_documents_it() {
    let (oauth, request) = server(answer("200 OK", r#"{"access_token":"a","refresh_token":"r"}"#)).await;
    oauth.refresh(&REFRESH_TOKEN.into()).await.unwrap();
    let request = request.await.unwrap();
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /oauth2/token HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    let expected = "client_id=the+client&client_secret=very-secret-client-secret\
                    &grant_type=refresh_token&refresh_token=very-secret-refresh-token";
    assert_eq!(form, expected);
}

#[tokio::test]
async fn the_old_refresh_token_stays_where_twitch_names_no_new_one() {
    let pair = |access: &str, refresh: &str| Ok((access.to_owned(), refresh.to_owned()));
    for (body, expected) in [
        (r#"{"access_token":"a","refresh_token":"r","expires_in":5,"scope":["x"]}"#, pair("a", "r")),
        (r#"{"access_token":"a","scope":"x","new":{}}"#, pair("a", REFRESH_TOKEN)),
        (r#"{"access_token":"a","refresh_token":""}"#, pair("a", REFRESH_TOKEN)),
    ] {
        assert_eq!(refreshed(answer("200 OK", body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn a_refusal_and_a_fault_are_told_apart() {
    let body = r#"{"status":400,"message":"Invalid refresh token"}"#;
    for status in [400, 401, 403] {
        let refused = TokenError::Refused { status, message: Some("Invalid refresh token".to_owned()) };
        assert_eq!(refreshed(answer(&format!("{status} X"), body)).await, Err(refused));
    }
    for odd in [
        answer("500 X", body),
        answer("503 X", ""),
        answer("429 X", ""),
        answer("404 X", ""),
        answer("302 Found", ""),
        answer("204 No Content", ""),
        answer("200 OK", "{}"),
        answer("200 OK", r#"{"access_token":5}"#),
        answer("200 OK", "<html>"),
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned(),
        String::new(),
    ] {
        let answer = refreshed(odd.clone()).await;
        assert!(matches!(answer, Err(TokenError::Unavailable(_))), "{odd}: {answer:?}");
    }
}

async fn validated(answer: String) -> Result<Option<Validation>, TokenError> {
    let (base_url, request) = listening(answer).await;
    let validated = Validator::new(base_url, Duration::from_secs(20)).unwrap().validate(&REFRESH_TOKEN.into()).await;
    let request = request.await.unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /oauth2/validate http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: oauth {REFRESH_TOKEN}")), "{request}");
    validated
}

#[tokio::test]
async fn a_token_is_good_or_not_or_nobody_knows() {
    assert_eq!(validated(answer("200 OK", "{}")).await, Ok(Some(Validation::default())));
    let unauthorized = r#"{"status":401,"message":"invalid access token"}"#;
    assert_eq!(validated(answer("401 Unauthorized", unauthorized)).await, Ok(None));
    for status in ["400 X", "403 X", "404 X", "500 X", "302 X"] {
        assert!(matches!(validated(answer(status, "")).await, Err(TokenError::Unavailable(_))), "{status}");
    }
}

#[tokio::test]
async fn what_a_token_is_good_for_is_read_as_documented() {
    let text = |text: &str| Some(text.to_owned());
    let users =
        r#"{"client_id":"c","login":"l","scopes":["user:bot","user:write:chat"],"user_id":"7","expires_in":5520838}"#;
    let scopes = Some(vec!["user:bot".to_owned(), "user:write:chat".to_owned()]);
    let expected = Validation { client_id: text("c"), user_id: text("7"), scopes };
    assert_eq!(validated(answer("200 OK", users)).await, Ok(Some(expected)));
    let apps = r#"{"client_id":"c","scopes":null,"expires_in":5520838}"#;
    let expected = Validation { client_id: text("c"), user_id: None, scopes: None };
    assert_eq!(validated(answer("200 OK", apps)).await, Ok(Some(expected)));
}

#[tokio::test]
async fn no_secret_is_repeated_or_shown() {
    let body = format!(
        r#"{{"message":"{REFRESH_TOKEN} is void, and so is {CLIENT_SECRET}; \\u0076ery%2Dsecret%2Drefresh%2Dtoken"}}"#
    );
    let error = refreshed(answer("400 X", &body)).await.unwrap_err();
    let message = "(not shown) is void, and so is (not shown); (not shown)".to_owned();
    assert_eq!(error, TokenError::Refused { status: 400, message: Some(message) });
    let (oauth, _request) = server(answer("200 OK", r#"{"access_token":"hush","refresh_token":"hush"}"#)).await;
    let pair = oauth.refresh(&REFRESH_TOKEN.into()).await.unwrap();
    let shown = format!("{error} {error:?} {oauth:?} {pair:?}");
    for secret in [REFRESH_TOKEN, CLIENT_SECRET, "hush"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_grant_is_told_by_its_client_and_first_token() {
    let client = |id: &str| {
        let secret = SecretString::from(CLIENT_SECRET);
        OAuth::new(OAuthBaseUrl::parse("http://127.0.0.1:9").unwrap(), Duration::from_secs(1), id, &secret).unwrap()
    };
    let grant = client("a").grant(&"r".into());
    assert_eq!(grant, client("a").grant(&"r".into()));
    for other in [client("a").grant(&"s".into()), client("b").grant(&"r".into()), client("ar").grant(&"".into())] {
        assert_ne!(grant, other);
    }
    assert_eq!(grant.len(), 64);
}
