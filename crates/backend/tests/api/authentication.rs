//! Authentication.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use mgm_mocks::jwt::{self, JwtConfig};
use mgm_settings::ExtensionClientId;
use mgm_system::ManualClock;
use mgm_twitch::extension_jwt::ExtensionKeys;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{API_KEY, BROADCASTER, PREVIOUS_API_KEY, TestApp};

#[tokio::test]
async fn without_the_key_nothing_of_a_desktop_request_is_looked_at() {
    let app = TestApp::start().await;
    let operations = app.operations("desktop").await;
    assert!(operations.len() >= 15, "{operations:?}");
    for (place, (method, path)) in operations.into_iter().enumerate() {
        // Each from an address of its own, since refusals are limited by address.
        let call = || app.request(method.clone(), &path).from(&format!("192.0.2.{place}")).body("{not json");
        call().send().await.is(401, "unauthorized");
        call().header("x-mgm-apikey", "wrong").send().await.is(401, "forbidden_apikey");
        call().header("x-mgm-apikey", &API_KEY[1..]).send().await.is(401, "forbidden_apikey");
        call().viewer("ann").send().await.is(401, "unauthorized");
    }
    app.finish().await;
}

#[tokio::test]
async fn both_keys_of_a_rotation_are_taken() {
    let app = TestApp::start().await;
    for key in [API_KEY, PREVIOUS_API_KEY] {
        app.get("/api/payouts/pending").header("x-mgm-apikey", key).send().await.ok();
    }
    app.finish().await;
}

#[tokio::test]
async fn without_a_configured_key_nobody_is_the_desktop() {
    let app = TestApp::with(|settings| (settings.mgm.api_key, settings.mgm.api_key_previous) = (None, None)).await;
    for key in ["", API_KEY] {
        app.get("/api/payouts/pending").header("x-mgm-apikey", key).send().await.is(401, "forbidden_apikey");
    }
    app.finish().await;
}

#[tokio::test]
async fn without_a_token_nothing_of_a_viewers_request_is_looked_at() {
    let app = TestApp::start().await;
    let operations = app.operations("viewer").await;
    assert!(operations.len() >= 6, "{operations:?}");
    for (place, (method, path)) in operations.into_iter().enumerate() {
        // Each from an address of its own, since refusals are limited by address.
        let call = || app.request(method.clone(), &path).from(&format!("192.0.2.{place}")).body("{not json");
        call().send().await.is(401, "unauthorized");
        call().desktop().send().await.is(401, "unauthorized");
        for authorization in ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic YW5uOmFubg==", "nonsense"] {
            call().header("authorization", authorization).send().await.is(401, "unauthorized");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn tokens_are_taken_and_refused() {
    let app = TestApp::start().await;
    let ours = app.token(json!({"user_id": "ann"}));
    let (head, signature) = ours.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    app.get("/api/pool/me").bearer(&forged).send().await.is(401, "unauthorized");
    let payload = head.split_once('.').unwrap().1;
    let none = format!("eyJhbGciOiJub25lIn0.{payload}.");
    app.get("/api/pool/me").bearer(&none).send().await.is(401, "unauthorized");

    let cases: [(Value, Option<(u16, &str)>); 10] = [
        (json!({"user_id": "ann"}), None),
        (json!({"sub": "ann"}), None),
        (json!({"user_id": "ann", "channel_id": BROADCASTER, "is_unlinked": "false", "role": "viewer"}), None),
        (json!({"user_id": "ann", "is_unlinked": false}), None),
        (json!({"user_id": "ann", "aud": "any client"}), None),
        (json!({}), Some((401, "identity_not_shared"))),
        (json!({"user_id": ""}), Some((401, "identity_not_shared"))),
        (json!({"opaque_user_id": "U123", "is_unlinked": "true"}), Some((401, "identity_not_shared"))),
        (json!({"user_id": "ann", "channel_id": "another"}), Some((403, "wrong_channel"))),
        (json!({"channel_id": "another"}), Some((403, "wrong_channel"))),
    ];
    for (claims, expected) in cases {
        let answer = app.get("/api/pool/me").bearer(&app.token(claims.clone())).send().await;
        match expected {
            None => assert_eq!(answer.ok(), json!({"isEnrolled": false, "characterName": null}), "{claims}"),
            Some((status, code)) => answer.is(status, code),
        }
    }

    app.advance(3_599);
    app.get("/api/pool/me").bearer(&ours).send().await.ok();
    app.advance(1);
    app.get("/api/pool/me").bearer(&ours).send().await.is(401, "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn the_audience_is_checked_where_a_client_is_configured_and_the_token_names_one() {
    let app =
        TestApp::with(|settings| settings.twitch.extension_client_id = Some(ExtensionClientId::parse("ours").unwrap()))
            .await;
    for (claims, is_taken) in [
        (json!({"user_id": "ann"}), true),
        (json!({"user_id": "ann", "aud": "ours"}), true),
        (json!({"user_id": "ann", "aud": "another"}), false),
    ] {
        let answer = app.get("/api/pool/me").bearer(&app.token(claims)).send().await;
        if is_taken { drop(answer.ok()) } else { answer.is(401, "unauthorized") }
    }
    app.finish().await;
}

/// A token of MockExtensionJwt, which shares the backend's secrets and clock.
async fn issued(app: &TestApp, keys: &ExtensionKeys, query: &str) -> String {
    let config = JwtConfig {
        keys: keys.clone(),
        client_id: Some("ours".to_owned()),
        channel_id: Some(BROADCASTER.to_owned()),
        clock: Arc::<ManualClock>::clone(&app.clock),
    };
    let request = Request::get(format!("/token?{query}")).body(Body::empty()).unwrap();
    let answer = jwt::router(config).oneshot(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice::<Value>(&body).unwrap()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_as_twitch_issues_them_are_taken_and_flawed_ones_are_not() {
    let (old, new) = ("b2xkLXNlY3JldC1vbGQtc2VjcmV0", "bmV3LXNlY3JldC1uZXctc2VjcmV0");
    let keys = |secrets: &str| ExtensionKeys::parse(secrets).unwrap();
    let (both, only_new) = (keys(&format!("{new},{old}")), keys(new));
    let app = TestApp::with(|settings| {
        settings.twitch.extension_client_id = Some(ExtensionClientId::parse("ours").unwrap());
        settings.twitch.extension_secret = Some(only_new);
    })
    .await;
    for query in ["userId=ann", "userId=ann&role=viewer", "userId=ann&role=moderator&displayName=Ann"] {
        app.get("/api/pool/me").bearer(&issued(&app, &both, query).await).send().await.ok();
    }
    for query in ["userId=ann&is_unlinked=true", "opaque_user_id=A9"] {
        let token = issued(&app, &both, query).await;
        app.get("/api/pool/me").bearer(&token).send().await.is(401, "identity_not_shared");
        app.get("/api/roulette/state").bearer(&token).send().await.ok();
    }
    let elsewhere = issued(&app, &both, "userId=ann&role=viewer&channel_id=another").await;
    app.get("/api/pool/me").bearer(&elsewhere).send().await.is(403, "wrong_channel");
    for flaw in [
        "flaw=expired",
        "flaw=no_expiry",
        "flaw=not_yet_valid",
        "flaw=wrong_audience",
        "flaw=wrong_key",
        "flaw=key_not_decoded",
        "flaw=alg_none",
        "flaw=changed",
        // The secret of which the backend no longer knows.
        "key=previous",
    ] {
        for form in ["userId=ann", "userId=ann&role=viewer"] {
            let token = issued(&app, &both, &format!("{form}&{flaw}")).await;
            app.get("/api/pool/me").bearer(&token).send().await.is(401, "unauthorized");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn every_configured_extension_secret_is_taken() {
    let (old, new) = ("b2xkLXNlY3JldC1vbGQtc2VjcmV0", "bmV3LXNlY3JldC1uZXctc2VjcmV0");
    let app = TestApp::with(|settings| {
        settings.twitch.extension_secret = Some(ExtensionKeys::parse(&format!("{new},{old}")).unwrap());
    })
    .await;
    let claims = json!({"user_id": "ann", "exp": app.now().unix_timestamp() + 60});
    for (secret, status) in [(new, 200), (old, 200), ("b3RoZXItc2VjcmV0LW90aGVy", 401)] {
        let token = ExtensionKeys::parse(secret).unwrap().sign(&claims).unwrap();
        let answer = app.get("/api/pool/me").bearer(&token).send().await;
        assert_eq!(answer.status.as_u16(), status, "{secret}");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_roulettes_state_needs_a_token_but_no_identity() {
    let app = TestApp::start().await;
    for claims in [json!({}), json!({"opaque_user_id": "A123"}), json!({"user_id": "ann", "channel_id": BROADCASTER})] {
        app.get("/api/roulette/state").bearer(&app.token(claims)).send().await.ok();
    }
    let elsewhere = app.token(json!({"opaque_user_id": "A123", "channel_id": "another"}));
    app.get("/api/roulette/state").bearer(&elsewhere).send().await.is(403, "wrong_channel");
    app.finish().await;
}
