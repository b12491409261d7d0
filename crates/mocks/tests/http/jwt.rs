use http::StatusCode;
use mgm_mocks::jwt::{JwtConfig, router};
use mgm_settings::Settings;
use mgm_twitch::extension_jwt::{ExtensionKeys, ExtensionTokenError};
use serde_json::json;
use time::Duration;

use crate::support::{NOW, Running, assert_error, clock, start};

/// Base64 of `first` and of `second`.
const SECRETS: &str = "Zmlyc3Q=,c2Vjb25k";

fn mock(client_id: Option<&str>) -> Running {
    let keys = ExtensionKeys::parse(SECRETS).unwrap();
    start(router(JwtConfig { keys, client_id: client_id.map(str::to_owned), channel_id: None, clock: clock() }))
}

async fn token(mock: &Running, query: &str) -> String {
    let (status, body) = mock.get(&format!("/token?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(7200)));
    assert_eq!(body.as_object().unwrap().len(), 3);
    body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_says_who_it_is_of_for_two_hours_and_is_signed_by_the_first_key() {
    let mock = mock(None);
    let token = token(&mock, "userId=e2e-viewer-1&displayName=%D0%98%D0%BC%D1%8F").await;
    let first = ExtensionKeys::parse("Zmlyc3Q=").unwrap();
    let read = first.verify(&token, Some("any"), NOW + Duration::seconds(7199)).unwrap();
    assert_eq!(read.viewer_id.as_deref(), Some("e2e-viewer-1"));
    assert_eq!(read.display_name.as_deref(), Some("Имя"));
    assert_eq!(first.verify(&token, None, NOW + Duration::seconds(7200)), Err(ExtensionTokenError::Expired));
    let second = ExtensionKeys::parse("c2Vjb25k").unwrap();
    assert_eq!(second.verify(&token, None, NOW), Err(ExtensionTokenError::Signature));
}

#[tokio::test]
async fn the_client_id_becomes_the_audience() {
    let mock = mock(Some("client-1"));
    let token = token(&mock, "userId=u").await;
    let keys = ExtensionKeys::parse(SECRETS).unwrap();
    assert!(keys.verify(&token, Some("client-1"), NOW).is_ok());
    assert_eq!(keys.verify(&token, Some("client-2"), NOW), Err(ExtensionTokenError::Audience));
}

#[tokio::test]
async fn the_configured_broadcaster_becomes_the_channel_and_nothing_else_changes() {
    #[derive(serde::Serialize)]
    struct Claims {
        user_id: &'static str,
        name: &'static str,
        exp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        channel_id: Option<&'static str>,
    }
    let mut settings = Settings::default();
    for broadcaster in [None, Some("1337")] {
        settings.twitch.broadcaster_user_id = broadcaster.map(|id| id.to_owned().try_into().unwrap());
        let config = JwtConfig { clock: clock(), ..JwtConfig::from_settings(&settings) };
        let token = token(&start(router(config)), "userId=u&displayName=U").await;
        let exp = NOW.unix_timestamp() + 7200;
        let expected = Claims { user_id: "u", name: "U", exp, channel_id: broadcaster };
        assert_eq!(token, ExtensionKeys::development().sign(&expected).unwrap());
    }
}

#[tokio::test]
async fn without_a_display_name_the_user_id_is_the_name() {
    let mock = mock(None);
    for query in ["userId=u", "userId=u&displayName="] {
        let token = token(&mock, query).await;
        let read = ExtensionKeys::parse(SECRETS).unwrap().verify(&token, None, NOW).unwrap();
        assert_eq!(read.display_name.as_deref(), Some("u"));
    }
}

#[tokio::test]
async fn nobody_gets_no_token() {
    let mock = mock(None);
    for query in ["", "?userId=", "?userId=%20", "?displayName=x", "?userId=a&userId=b"] {
        let refusal = mock.get(&format!("/token{query}")).await;
        assert_error(refusal, StatusCode::BAD_REQUEST, "invalid_payload");
    }
}

#[tokio::test]
async fn what_no_backend_takes_for_an_id_or_a_name_gets_no_token() {
    let mock = mock(None);
    let longest = "x".repeat(256);
    token(&mock, &format!("userId={longest}&displayName={longest}")).await;
    for wrong in ["%00".to_owned(), "a%0Ab".to_owned(), format!("{longest}x"), "x".repeat(3000), "%D0%98".repeat(129)] {
        for (name, query) in
            [("userId", format!("userId={wrong}")), ("displayName", format!("userId=u&displayName={wrong}"))]
        {
            let refusal = mock.get(&format!("/token?{query}")).await;
            let message = format!("{name} must have at most 256 bytes, and no control characters");
            assert_eq!(refusal.1["message"], message, "{query}");
            assert_error(refusal, StatusCode::BAD_REQUEST, "invalid_payload");
        }
    }
    let refusal = mock.get("/token?userId=u&displayName=a&displayName=b").await;
    assert_eq!(refusal.1["message"], "displayName must be given once");
}

#[tokio::test]
async fn without_a_secret_the_development_key_signs() {
    let config = JwtConfig { clock: clock(), ..JwtConfig::from_settings(&Settings::default()) };
    let token = token(&start(router(config)), "userId=u").await;
    assert!(ExtensionKeys::development().verify(&token, None, NOW).is_ok());
}
