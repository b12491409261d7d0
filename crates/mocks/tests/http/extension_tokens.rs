//! Tokens as Twitch's are, tokens that nobody should accept, and the tokens of front ends.

use http::{Method, StatusCode};
use mgm_mocks::helix::HelixConfig;
use mgm_mocks::jwt::{JwtConfig, router};
use mgm_mocks::together::of_one_world;
use mgm_settings::Settings;
use mgm_twitch::extension_jwt::{ExtensionKeys, ExtensionTokenError};
use serde_json::{Value, json};

use crate::support::{NOW, Running, answer, assert_error, clock, start};
use crate::world::{admin, fixture};

/// Base64 of `first` and of `second`.
const SECRETS: &str = "Zmlyc3Q=,c2Vjb25k";

fn config(client_id: Option<&str>) -> JwtConfig {
    let keys = ExtensionKeys::parse(SECRETS).unwrap();
    JwtConfig { keys, client_id: client_id.map(str::to_owned), channel_id: Some("1337".to_owned()), clock: clock() }
}

fn mock() -> Running {
    start(router(config(Some("client"))))
}

/// MockHelixApi and MockExtensionJwt with the documented fixture.
fn one_world() -> (Running, Running) {
    let settings = HelixConfig::from_settings(&Settings::default()).unwrap();
    let helix = HelixConfig { strict: true, fixture: fixture(), clock: clock(), ..settings };
    let (helix, jwt) = of_one_world(helix, config(None));
    (start(helix), start(jwt))
}

async fn token(mock: &Running, query: &str) -> String {
    let (status, body) = mock.get(query).await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    body["access_token"].as_str().unwrap().to_owned()
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_token_has_twitchs_claims_where_the_query_names_one() {
    let mock = mock();
    let exp = NOW.unix_timestamp() + 7200;
    let perms = |opaque: &str, send: Value| json!({"listen": ["broadcast", format!("whisper-{opaque}"), "global"], "send": send});
    for (query, expected) in [
        (
            "role=viewer&userId=7",
            json!({"user_id": "7", "exp": exp, "channel_id": "1337", "opaque_user_id": "U7", "role": "viewer",
                "is_unlinked": false, "pubsub_perms": perms("U7", json!([]))}),
        ),
        (
            "is_unlinked=true&userId=7&expires_in=60",
            json!({"exp": NOW.unix_timestamp() + 60, "channel_id": "1337", "opaque_user_id": "U7", "role": "viewer",
                "is_unlinked": true, "pubsub_perms": perms("U7", json!([]))}),
        ),
        (
            "opaque_user_id=A9&channel_id=42",
            json!({"exp": exp, "channel_id": "42", "opaque_user_id": "A9", "role": "viewer", "is_unlinked": true,
                "pubsub_perms": perms("A9", json!([]))}),
        ),
        (
            "role=broadcaster&userId=42&displayName=Ann&listen=broadcast&send=whisper-U1&send=global",
            json!({"user_id": "42", "name": "Ann", "exp": exp, "channel_id": "1337", "opaque_user_id": "U42",
                "role": "broadcaster", "is_unlinked": false,
                "pubsub_perms": {"listen": ["broadcast"], "send": ["whisper-U1", "global"]}}),
        ),
        (
            "role=broadcaster&userId=1&listen=",
            json!({"user_id": "1", "exp": exp, "channel_id": "1337", "opaque_user_id": "U1", "role": "broadcaster",
                "is_unlinked": false, "pubsub_perms": {"listen": [], "send": ["broadcast", "whisper-*"]}}),
        ),
    ] {
        let token = token(&mock, &format!("/token?{query}")).await;
        assert_eq!(claims(&token), expected, "{query}");
        let read = ExtensionKeys::parse("Zmlyc3Q=").unwrap().verify(&token, Some("any"), NOW).unwrap();
        assert_eq!(read.viewer_id.as_deref(), expected["user_id"].as_str());
    }
    let visitors = [token(&mock, "/token?role=viewer").await, token(&mock, "/token?role=viewer").await];
    let visitors = visitors.map(|token| claims(&token)["opaque_user_id"].clone());
    assert!(visitors[0].as_str().unwrap().starts_with('A') && visitors[0] != visitors[1], "{visitors:?}");
}

#[tokio::test]
async fn what_is_no_claim_gets_no_token() {
    let mock = mock();
    for query in [
        "role=king&userId=7",
        "opaque_user_id=7",
        "is_unlinked=perhaps&userId=7",
        "userId=7&expires_in=0",
        "userId=7&expires_in=soon",
        "userId=7&flaw=unknown",
        "userId=7&key=next",
        "userId=7&extension=unknown",
        "role=viewer&role=viewer",
        "role=viewer&listen=%00",
        "flaw=expired",
    ] {
        assert_error(mock.get(&format!("/token?{query}")).await, StatusCode::BAD_REQUEST, "invalid_payload");
    }
}

#[tokio::test]
async fn a_token_with_a_flaw_is_refused_for_that_flaw() {
    use ExtensionTokenError as Refused;

    let mock = mock();
    let keys = ExtensionKeys::parse(SECRETS).unwrap();
    for (flaw, refused) in [
        ("expired", Refused::Expired),
        ("no_expiry", Refused::NoExpiry),
        ("not_yet_valid", Refused::NotYetValid),
        ("wrong_audience", Refused::Audience),
        ("wrong_key", Refused::Signature),
        ("key_not_decoded", Refused::Signature),
        ("alg_none", Refused::Malformed),
        ("changed", Refused::Signature),
    ] {
        for form in ["userId=7", "userId=7&role=viewer"] {
            let token = token(&mock, &format!("/token?{form}&flaw={flaw}")).await;
            assert_eq!(keys.verify(&token, Some("client"), NOW), Err(refused), "{flaw}");
        }
    }
    let undecoded = token(&mock, "/token?userId=7&flaw=key_not_decoded").await;
    // The base64 of `Zmlyc3Q=`: whoever forgets to decode the secret accepts this one.
    assert!(ExtensionKeys::parse("Wm1seWMzUT0=").unwrap().verify(&undecoded, Some("client"), NOW).is_ok());
}

#[tokio::test]
async fn the_previous_key_signs_where_there_is_one() {
    let previous = token(&mock(), "/token?userId=7&key=previous").await;
    let verify = |secret: &str| ExtensionKeys::parse(secret).unwrap().verify(&previous, Some("client"), NOW);
    assert!(verify("c2Vjb25k").is_ok());
    assert_eq!(verify("Zmlyc3Q="), Err(ExtensionTokenError::Signature));
    let keys = ExtensionKeys::parse("Zmlyc3Q=").unwrap();
    let only = start(router(JwtConfig { keys, ..config(None) }));
    let refusal = only.get("/token?userId=7&key=previous").await;
    assert_error(refusal, StatusCode::BAD_REQUEST, "invalid_payload");
}

#[tokio::test]
async fn the_secrets_of_the_worlds_extensions_sign_and_are_rotated() {
    let (helix, jwt) = one_world();
    let secret = fixture().extensions.get(&["extension"]).unwrap().secret.clone();
    let first = ExtensionKeys::parse(secret.text()).unwrap();
    let query = "/token?userId=1001&role=external&extension=extension";
    let backends = token(&jwt, query).await;
    assert!(first.verify(&backends, None, NOW).is_ok());
    let path = "/helix/extensions/jwt/secrets?extension_id=extension";
    let made = helix.request(Method::POST, path).bearer_auth(&backends).header("client-id", "extension");
    let (_, made) = answer(made).await;
    let second = made["data"][0]["secrets"][1]["content"].as_str().unwrap().to_owned();
    let second = ExtensionKeys::parse(&second).unwrap();
    // The new secret does not sign yet.
    assert!(first.verify(&token(&jwt, query).await, None, NOW).is_ok());
    admin(&helix, Method::POST, "clock", json!({"advance_seconds": 300})).await;
    let (current, previous) = (token(&jwt, query).await, token(&jwt, &format!("{query}&key=previous")).await);
    assert!(second.verify(&current, None, NOW).is_ok());
    assert!(first.verify(&previous, None, NOW).is_ok());
    for (token, status) in [(current, 200), (previous, 401)] {
        let list = helix.request(Method::GET, path).bearer_auth(token).header("client-id", "extension");
        assert_eq!(answer(list).await.0, status);
    }
}

#[tokio::test]
async fn the_front_end_of_an_extension_calls_what_needs_no_scope() {
    let (helix, jwt) = one_world();
    let (status, given) = jwt.get("/helix-token?userId=1002&extension=extension").await;
    assert_eq!((status, &given["token_type"]), (StatusCode::OK, &json!("Extension")));
    let front_end = given["access_token"].as_str().unwrap().to_owned();
    let panels = token(&jwt, "/token?userId=1002&role=viewer&extension=extension").await;
    let call = async |token: &str, client: &str, method: Method, path: &str| {
        let request = helix.request(method, &format!("/helix/{path}")).header("client-id", client);
        answer(request.header("authorization", format!("Extension {token}"))).await.0.as_u16()
    };
    for (method, path, status) in [
        (Method::GET, "users?id=1001", 200),
        (Method::GET, "channels?broadcaster_id=1001", 200),
        (Method::GET, "chat/settings?broadcaster_id=1001", 200),
        (Method::GET, "users", 400),
        (Method::GET, "subscriptions?broadcaster_id=1001", 401),
        (Method::GET, "subscriptions/user?broadcaster_id=1001&user_id=1002", 401),
        (Method::GET, "authorization/users?user_id=1001", 401),
        (Method::GET, "eventsub/subscriptions", 400),
        (Method::POST, "chat/messages?broadcaster_id=1001&sender_id=1002&message=m", 401),
        (Method::GET, "extensions/jwt/secrets?extension_id=extension", 401),
    ] {
        assert_eq!(call(&front_end, "extension", method, path).await, status, "{path}");
    }
    for (token, client) in
        [(&panels, "extension"), (&front_end, "app"), (&front_end, ""), (&"streamers-token".to_owned(), "app")]
    {
        assert_eq!(call(token, client, Method::GET, "users?id=1001").await, 401, "{client}");
    }
    let as_bearer = helix.request(Method::GET, "/helix/users?id=1001").bearer_auth(&front_end);
    assert_eq!(answer(as_bearer.header("client-id", "extension")).await.0, StatusCode::UNAUTHORIZED);
    admin(&helix, Method::POST, "clock", json!({"advance_seconds": 7200})).await;
    assert_eq!(call(&front_end, "extension", Method::GET, "users?id=1001").await, 401);
}
