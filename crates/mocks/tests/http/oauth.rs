//! The token service, with the documented fixture.

use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use url::Url;

use crate::support::{Running, answer};
use crate::world::{admin, advance, app_token, get, mock};

const CLIENT: &str = "client_id=app&client_secret=app-secret";
const BACK: &str = "http%3A%2F%2Flocalhost%3A3000%2Fcallback";

async fn post(mock: &Running, path: &str, form: &str) -> (StatusCode, Value) {
    let form = mock
        .request(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    let response = form.send().await.unwrap();
    let status = response.status();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
}

async fn validate(mock: &Running, token: &str) -> (StatusCode, Value) {
    answer(mock.request(Method::GET, "/oauth2/validate").header("authorization", format!("OAuth {token}"))).await
}

/// Where a page redirects the user.
async fn sent_back(mock: &Running, method: Method, path: &str, form: &str) -> Url {
    mgm_http_client::client(&crate::support::url(mock.address), std::time::Duration::from_secs(5)).unwrap();
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let request = client.request(method, format!("http://{}{path}", mock.address)).body(form.to_owned());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{:?}", response.text().await);
    response.headers()["location"].to_str().unwrap().parse().unwrap()
}

fn said(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn a_client_gets_its_own_token_and_says_what_it_is() {
    let mock = mock();
    for (path, form) in [
        ("/oauth2/token", format!("{CLIENT}&grant_type=client_credentials")),
        ("/auth/token", format!("{CLIENT}&grant_type=client_credentials")),
    ] {
        for by_query in [false, true] {
            let (path, form) = if by_query { (format!("{path}?{form}"), "") } else { (path.to_owned(), form.as_str()) };
            let (status, body) = post(&mock, &path, form).await;
            assert_eq!(
                (status, &body["expires_in"], &body["token_type"]),
                (StatusCode::OK, &json!(5_011_271), &json!("bearer"))
            );
            assert!(body.get("refresh_token").is_none());
            let expected = json!({"client_id": "app", "scopes": null, "expires_in": 5_011_271});
            assert_eq!(validate(&mock, body["access_token"].as_str().unwrap()).await, (StatusCode::OK, expected));
        }
    }
}

#[tokio::test]
async fn what_the_token_service_refuses_names_no_error() {
    let mock = mock();
    for (path, form, status, message) in [
        ("token", "", 400, "missing client id"),
        ("token", "client_id=app", 400, "missing client secret"),
        ("token", CLIENT, 400, "missing grant type"),
        ("token", "client_id=x&client_secret=app-secret&grant_type=client_credentials", 400, "invalid client"),
        ("token", "client_id=app&client_secret=x&grant_type=client_credentials", 403, "invalid client secret"),
        ("token", "client_id=app&client_secret=app-secret&grant_type=password", 400, "unsupported grant type"),
        ("token", "client_id=app&client_secret=app-secret&grant_type=authorization_code", 400, "missing code"),
        (
            "token",
            "client_id=app&client_secret=app-secret&grant_type=authorization_code&code=x&redirect_uri=y",
            400,
            "Invalid authorization code",
        ),
        ("revoke", "token=anns-token", 400, "missing client id"),
        ("revoke", "client_id=app", 400, "missing token"),
        ("revoke", "client_id=x&token=anns-token", 404, "client does not exist"),
        ("revoke", "client_id=app&token=x", 400, "Invalid token"),
        ("revoke", "client_id=other-app&token=anns-token", 400, "Invalid token"),
        ("device", "client_id=x", 400, "invalid client"),
    ] {
        let refused = post(&mock, &format!("/oauth2/{path}"), form).await;
        assert_eq!(refused, (StatusCode::from_u16(status).unwrap(), json!({"status": status, "message": message})));
    }
    let refused = post(&mock, "/oauth2/token", &format!("{CLIENT}&grant_type=refresh_token&refresh_token=x")).await.1;
    assert_eq!(refused, json!({"error": "Bad Request", "status": 400, "message": "Invalid refresh token"}));
    let missing = answer(mock.request(Method::GET, "/oauth2/validate")).await;
    let expected = json!({"status": 401, "message": "missing authorization token"});
    assert_eq!(missing, (StatusCode::UNAUTHORIZED, expected));
}

#[tokio::test]
async fn a_user_who_consents_is_sent_back_with_a_code_that_is_good_once() {
    let mock = mock();
    let query = format!(
        "client_id=app&redirect_uri={BACK}&response_type=code&scope=user%3Abot+user%3Aread%3Achat&state=s%26t&force_verify=true"
    );
    let page = mock.request(Method::GET, &format!("/oauth2/authorize?{query}")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("value=\"s&amp;t\"") && page.contains("Authorize as Ann"), "{page}");
    for (method, path, form) in [
        (Method::GET, format!("/oauth2/authorize?{query}&approve=1002"), String::new()),
        (Method::POST, "/oauth2/authorize".to_owned(), format!("{query}&approve=1002")),
    ] {
        let back = sent_back(&mock, method, &path, &form).await;
        assert!(back.as_str().starts_with("http://localhost:3000/callback?"), "{back}");
        assert_eq!(
            (said(&back, "state").as_deref(), said(&back, "scope").as_deref()),
            (Some("s&t"), Some("user:bot user:read:chat"))
        );
        let code = said(&back, "code").unwrap();
        let grant = |client: &str, back: &str| {
            format!("{client}&grant_type=authorization_code&code={code}&redirect_uri={back}")
        };
        for wrong in [grant("client_id=other-app&client_secret=other-secret", BACK), grant(CLIENT, "http://elsewhere")]
        {
            assert_eq!(post(&mock, "/oauth2/token", &wrong).await.0, StatusCode::BAD_REQUEST);
        }
        let (status, pair) = post(&mock, "/oauth2/token", &grant(CLIENT, BACK)).await;
        assert_eq!((status, &pair["scope"]), (StatusCode::OK, &json!(["user:bot", "user:read:chat"])));
        assert_eq!(post(&mock, "/oauth2/token", &grant(CLIENT, BACK)).await.0, StatusCode::BAD_REQUEST);
        let users = validate(&mock, pair["access_token"].as_str().unwrap()).await.1;
        let expected = json!({
            "client_id": "app", "login": "ann", "user_id": "1002", "scopes": ["user:bot", "user:read:chat"],
            "expires_in": 14_124,
        });
        assert_eq!(users, expected);
    }
    let grant = admin(&mock, Method::GET, "grants/app/1002", Value::Null).await.1;
    assert!(grant["scopes"].as_array().unwrap().contains(&json!("user:read:chat")), "{grant}");

    let denied = sent_back(&mock, Method::GET, &format!("/oauth2/authorize?{query}&deny=1"), "").await;
    assert_eq!(
        (said(&denied, "error").as_deref(), said(&denied, "state").as_deref()),
        (Some("access_denied"), Some("s&t"))
    );
    let implicit = query.replace("response_type=code", "response_type=token");
    let back = sent_back(&mock, Method::GET, &format!("/oauth2/authorize?{implicit}&approve=1002"), "").await;
    assert!(back.fragment().unwrap().starts_with("access_token="), "{back}");

    let expired = sent_back(&mock, Method::GET, &format!("/oauth2/authorize?{query}&approve=1002"), "").await;
    advance(&mock, 600).await;
    let grant =
        format!("{CLIENT}&grant_type=authorization_code&code={}&redirect_uri={BACK}", said(&expired, "code").unwrap());
    assert_eq!(post(&mock, "/oauth2/token", &grant).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_was_not_registered() {
    let mock = mock();
    for (query, message) in [
        ("client_id=app&response_type=code&redirect_uri=http://elsewhere", "redirect_mismatch"),
        ("client_id=app&response_type=code", "missing redirect uri"),
        ("client_id=app&redirect_uri=http://localhost:3000/callback", "missing response type"),
        ("client_id=x&response_type=code&redirect_uri=http://localhost:3000/callback", "invalid client"),
        (
            "client_id=app&response_type=code&redirect_uri=http://localhost:3000/callback&approve=9",
            "there is no such user",
        ),
    ] {
        let refused = mock.get(&format!("/oauth2/authorize?{query}")).await;
        assert_eq!(refused, (StatusCode::BAD_REQUEST, json!({"status": 400, "message": message})), "{query}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_and_each_brings_the_next() {
    let mock = mock();
    let refresh = |client: &str, token: &str| format!("{client}&grant_type=refresh_token&refresh_token={token}");
    let others = refresh("client_id=other-app&client_secret=other-secret", "streamers-refresh-token");
    assert_eq!(post(&mock, "/oauth2/token", &others).await.0, StatusCode::BAD_REQUEST);
    let without_secret = post(&mock, "/oauth2/token", &refresh("client_id=app", "streamers-refresh-token")).await;
    assert_eq!(without_secret.1["message"], "missing client secret");
    let mut token = "streamers-refresh-token".to_owned();
    for _ in 0..3 {
        let (status, pair) = post(&mock, "/oauth2/token", &refresh(CLIENT, &token)).await;
        assert_eq!(status, StatusCode::OK, "{pair}");
        assert_eq!(post(&mock, "/oauth2/token", &refresh(CLIENT, &token)).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(validate(&mock, pair["access_token"].as_str().unwrap()).await.1["user_id"], "1001");
        pair["refresh_token"].as_str().unwrap().clone_into(&mut token);
    }
}

#[tokio::test]
async fn a_device_waits_for_its_user_and_needs_no_secret() {
    let mock = mock();
    let device_code = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    for by_page in [false, true] {
        let (status, device) = post(&mock, "/oauth2/device", "client_id=app&scopes=user%3Abot").await;
        assert_eq!((status, &device["expires_in"], &device["interval"]), (StatusCode::OK, &json!(1800), &json!(5)));
        let user_code = device["user_code"].as_str().unwrap();
        let grant = format!(
            "client_id=app&grant_type={device_code}&device_code={}&scopes=user%3Abot",
            device["device_code"].as_str().unwrap()
        );
        let pending = json!({"status": 400, "message": "authorization_pending"});
        assert_eq!(post(&mock, "/oauth2/token", &grant).await, (StatusCode::BAD_REQUEST, pending));
        if by_page {
            let page: Url = device["verification_uri"].as_str().unwrap().parse().unwrap();
            let path = format!("{}?{}", page.path(), page.query().unwrap());
            assert!(mock.request(Method::GET, &path).send().await.unwrap().text().await.unwrap().contains(user_code));
            let approved = mock.request(Method::GET, &format!("{path}&approve=1003")).send().await.unwrap();
            assert_eq!(approved.status(), StatusCode::OK);
        } else {
            let approve = admin(&mock, Method::POST, &format!("devices/{user_code}"), json!({"user_id": "1003"})).await;
            assert_eq!(approve.0, StatusCode::NO_CONTENT);
        }
        let (status, pair) = post(&mock, "/oauth2/token", &grant).await;
        assert_eq!((status, &pair["scope"]), (StatusCode::OK, &json!(["user:bot"])));
        assert_eq!(validate(&mock, pair["access_token"].as_str().unwrap()).await.1["login"], "bob");
        let invalid = json!({"status": 400, "message": "invalid device code"});
        assert_eq!(post(&mock, "/oauth2/token", &grant).await, (StatusCode::BAD_REQUEST, invalid));
        let refresh = pair["refresh_token"].as_str().unwrap();
        let renew = format!("client_id=app&grant_type=refresh_token&refresh_token={refresh}");
        assert_eq!(post(&mock, "/oauth2/token", &renew).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_is_good_no_longer() {
    let mock = mock();
    let app = app_token(&mock).await;
    for token in ["anns-token", &app] {
        assert_eq!(validate(&mock, token).await.0, StatusCode::OK);
        let response =
            mock.request(Method::POST, &format!("/oauth2/revoke?client_id=app&token={token}")).send().await.unwrap();
        assert_eq!((response.status(), response.text().await.unwrap().as_str()), (StatusCode::OK, ""));
        assert_eq!(validate(&mock, token).await.1["message"], "invalid access token");
        assert_eq!(get(&mock, token, "/helix/users?id=1001").await.1["message"], "Invalid OAuth token");
        assert_eq!(
            post(&mock, "/oauth2/revoke", &format!("client_id=app&token={token}")).await.0,
            StatusCode::BAD_REQUEST
        );
    }
}

#[tokio::test]
async fn the_official_tools_address_gives_anybodys_token() {
    let mock = mock();
    let (status, pair) = post(
        &mock,
        &format!("/auth/authorize?{CLIENT}&grant_type=user_token&user_id=1003&scope=user:read:email%20user:bot"),
        "",
    )
    .await;
    assert_eq!((status, &pair["scope"]), (StatusCode::OK, &json!(["user:read:email", "user:bot"])));
    assert_eq!(validate(&mock, pair["access_token"].as_str().unwrap()).await.1["user_id"], "1003");
    for (change, message) in [("user_id=9", "there is no such user"), ("client_secret=x", "invalid client secret")] {
        let name = change.split_once('=').unwrap().0;
        let rest: Vec<_> = ["client_id=app", "client_secret=app-secret", "grant_type=user_token", "user_id=1003"]
            .into_iter()
            .filter(|pair| !pair.starts_with(name))
            .collect();
        let refused = post(&mock, "/auth/authorize", &format!("{}&{change}", rest.join("&"))).await;
        assert_eq!(refused.1["message"], message);
    }
}
