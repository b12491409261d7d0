//! Rate limits.

use std::num::NonZeroU32;

use axum::http::Method;
use serde_json::json;

use crate::app::{Answer, BROADCASTER, TestApp};

/// Sends until a request is refused; returns how many were not. Stops after three times as many as are allowed at once.
async fn until_limited(allowed: usize, mut send: impl AsyncFnMut(usize) -> Answer) -> usize {
    for number in 0..3 * allowed {
        let answer = send(number).await;
        if answer.status == 429 {
            answer.is(429, "rate_limited");
            let field = |name| answer.headers[name].to_str().unwrap().parse::<u64>().unwrap();
            assert!((1..=60).contains(&field("retry-after")), "{answer:?}");
            assert_eq!(field("ratelimit-limit"), allowed as u64);
            assert_eq!(field("ratelimit-remaining"), 0);
            assert_eq!(field("ratelimit-reset"), field("retry-after"));
            assert!(answer.headers.contains_key("ratelimit") && answer.headers.contains_key("ratelimit-policy"));
            return number;
        }
    }
    panic!("{} requests passed", 3 * allowed);
}

#[tokio::test]
async fn a_viewer_writes_five_times_a_minute_whatever_becomes_of_it() {
    let app = TestApp::start().await;
    let claim = async |user: &str, name: &str| {
        let body = json!({"characterName": name, "enrollmentRequestId": "r"});
        app.post("/api/payouts/claim").viewer(user).json(&body).send().await
    };
    assert!(until_limited(5, async |_| claim("ann", "1").await).await >= 5);
    claim("bob", "Bobhero").await.success(201);
    // Reads have their own limit.
    assert_eq!(app.name_of("ann").await, None);
    app.finish().await;
}

#[tokio::test]
async fn a_viewers_reads_are_limited_over_all_routes() {
    let app =
        TestApp::with(|settings| settings.rate_limits.viewer_reads_per_minute = NonZeroU32::new(12).unwrap()).await;
    let routes = ["/api/pool/me", "/api/roulette/state", "/api/payouts/my-last"];
    let passed = until_limited(12, async |n| app.get(routes[n % routes.len()]).viewer("ann").send().await).await;
    assert!(passed >= 12);
    app.get("/api/pool/me").viewer("bob").send().await.ok();
    app.finish().await;
}

#[tokio::test]
async fn head_is_a_read() {
    let app =
        TestApp::with(|settings| settings.rate_limits.viewer_reads_per_minute = NonZeroU32::new(12).unwrap()).await;
    let head = async |_| app.request(Method::HEAD, "/api/pool/me").viewer("ann").send().await;
    for number in 0..12 {
        assert_eq!(head(number).await.status, 200, "{number}");
    }
    let body = json!({"characterName": "Annhero", "enrollmentRequestId": "r"});
    app.post("/api/payouts/claim").viewer("ann").json(&body).send().await.success(201);
    app.finish().await;
}

#[tokio::test]
async fn a_token_that_names_nobody_is_limited_by_itself() {
    let app =
        TestApp::with(|settings| settings.rate_limits.viewer_reads_per_minute = NonZeroU32::new(12).unwrap()).await;
    let token = |role: &str| app.token(json!({"role": role, "channel_id": BROADCASTER}));
    let state = async |token: &str| app.get("/api/roulette/state").bearer(token).send().await;
    let one = token("viewer");
    assert!(until_limited(12, async |_| state(&one).await).await >= 12);
    state(&format!("  {one} ")).await.is(429, "rate_limited");
    state(&token("external")).await.ok();
    app.finish().await;
}

#[tokio::test]
async fn three_hundred_reads_a_minute_are_fine() {
    let app = TestApp::start().await;
    for _ in 0..300 {
        app.get("/api/pool/me").viewer("ann").send().await.ok();
    }
    app.finish().await;
}

#[tokio::test]
async fn an_address_guesses_sixty_times_a_minute() {
    let app = TestApp::start().await;
    let guess = async |number: usize| match number % 3 {
        0 => app.get("/api/payouts/pending").header("x-mgm-apikey", "guess").send().await,
        1 => app.get("/api/pool/me").bearer("guess").send().await,
        _ => app.get("/api/pool/me").bearer(&app.token(json!({"channel_id": "another"}))).send().await,
    };
    assert!(until_limited(60, guess).await >= 60);
    // Clients with the key are not affected by those who guess.
    app.get("/api/payouts/pending").desktop().send().await.ok();
    app.get("/api/pool/me").viewer("ann").send().await.ok();
    app.get("/api/payouts/pending").from("192.0.2.77").send().await.is(401, "unauthorized");
    assert_eq!(app.chat("ann", "!twgold Etoehero").await.status, 200);
    app.notification(b"{}").header("twitch-eventsub-message-signature", "sha256=").send().await.is(401, "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn the_open_routes_are_limited_by_address() {
    let app = TestApp::start().await;
    let routes = ["/api/version", "/openapi/v1.json"];
    let passed = until_limited(60, async |n| app.get(routes[n % 2]).send().await).await;
    assert!(passed >= 60);
    for route in routes {
        assert_eq!(app.get(route).desktop().send().await.status, 200, "the desktop is not counted");
    }
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_counted_is_never_refused() {
    let app = TestApp::with(|settings| settings.rate_limits.address_per_minute = NonZeroU32::new(1).unwrap()).await;
    app.get("/api/version").send().await.ok();
    for _ in 0..20 {
        app.get("/").send().await.is(404, "not_found");
        app.get("/health/live").send().await.ok();
        app.get("/health/ready").send().await.ok();
        assert_eq!(app.request(Method::OPTIONS, "/api/version").send().await.status, 200);
        app.post("/api/twitch/eventsub").send().await.is(401, "unauthorized");
        app.get("/api/version").desktop().send().await.ok();
        app.get("/api/payouts/pending").desktop().send().await.ok();
    }
    app.finish().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_count() {
    let app = TestApp::with(|settings| {
        settings.mgm.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        settings.rate_limits.address_per_minute = NonZeroU32::new(3).unwrap();
    })
    .await;
    let version = async |peer: &str, forwarded: &str| {
        app.get("/api/version").from(peer).header("x-forwarded-for", forwarded).send().await
    };
    assert!(until_limited(3, async |_| version("10.0.0.1", "198.51.100.7").await).await >= 3);
    version("10.0.0.1", "198.51.100.8").await.ok();
    // An untrusted peer cannot pose as another client.
    assert!(until_limited(3, async |n| version("203.0.113.5", &format!("198.51.100.{n}")).await).await >= 3);
    app.finish().await;
}
