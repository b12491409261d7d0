//! What holds for all routes: errors, request ids, CORS, health.

use std::num::NonZeroU32;

use axum::http::Method;
use mgm_settings::ExtensionClientId;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::start().await;
    for path in ["/", "/api", "/api/pool", "/api/pool/me/", "/metrics", "/%ff", "/api/payouts/x/y/z"] {
        app.get(path).send().await.is(404, "not_found");
    }
    app.finish().await;
}

#[tokio::test]
async fn another_method_is_not_allowed() {
    let app = TestApp::start().await;
    let answer = app.delete("/api/pool/me").send().await;
    answer.is(405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "GET,HEAD");
    app.get("/api/twitch/eventsub").send().await.is(405, "method_not_allowed");
    app.post("/api/payouts/pending").desktop().send().await.is(405, "method_not_allowed");
    app.request("FROBNICATE".parse().unwrap(), "/api/version").send().await.is(405, "method_not_allowed");
    app.finish().await;
}

#[tokio::test]
async fn a_body_has_to_be_json_and_declared_so_and_not_too_long() {
    let app = TestApp::start().await;
    let path = "/api/e2e/prepare-pending-payout";
    let good = json!({"twitchUserId": "ann"}).to_string();
    app.post(path).desktop().body(good.clone()).send().await.is(415, "unsupported_media_type");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let call = app.post(path).desktop().header("content-type", content_type).body(good.clone());
        call.send().await.is(415, "unsupported_media_type");
    }
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
        let call = app.post(path).desktop().header("content-type", content_type).body(good.clone());
        call.send().await.is(400, "not_in_pool");
    }
    let json = || app.post(path).desktop().header("content-type", "application/json");
    for body in ["", "{", "{}", "null", "[]", "\"ann\"", "{\"twitchUserId\": \"ann\"} trailing", "\u{feff}{}"] {
        json().body(body).send().await.is(400, "invalid_payload");
    }
    json().body(b"{\"twitchUserId\": \"\xff\"}".to_vec()).send().await.is(400, "invalid_payload");
    json().body("[".repeat(60_000)).send().await.is(400, "invalid_payload");
    json().body(" ".repeat(64 * 1024 + 1)).send().await.is(413, "payload_too_large");
    json().body(" ".repeat(3 * 1024 * 1024)).send().await.is(413, "payload_too_large");
    app.finish().await;
}

#[tokio::test]
async fn every_answer_carries_the_requests_id() {
    let app = TestApp::start().await;
    for path in ["/", "/health/live", "/api/version", "/api/pool/me"] {
        let own = app.get(path).header("x-request-id", "from-the-caller_1.0").send().await;
        assert_eq!(own.headers["x-request-id"], "from-the-caller_1.0");
        for insane in ["", "with space", "a\tb", &"x".repeat(65), "<script>"] {
            let answer = app.get(path).header("x-request-id", insane).send().await;
            let given = answer.headers["x-request-id"].to_str().unwrap();
            assert!(given.parse::<uuid::Uuid>().is_ok(), "{given}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn the_panel_may_call_from_its_origin_and_nobody_else_may() {
    let app = TestApp::with(|settings| {
        settings.rate_limits.address_per_minute = NonZeroU32::new(1).unwrap();
        settings.twitch.extension_client_id = Some(ExtensionClientId::parse("abcdef").unwrap());
        settings.mgm.allowed_origins = vec!["http://localhost:3000".parse().unwrap()];
    })
    .await;
    for (origin, is_allowed) in [
        ("https://abcdef.ext-twitch.tv", true),
        ("http://localhost:3000", true),
        ("https://another.ext-twitch.tv", false),
        ("https://example.com", false),
    ] {
        let preflight = app.request(Method::OPTIONS, "/api/payouts/claim").header("origin", origin);
        let preflight = preflight
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = preflight.send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["access-control-max-age"], "3600");
        let allowed = answer.headers["access-control-allow-headers"].to_str().unwrap().to_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
        let get = |path| app.get(path).header("origin", origin);
        let limited = loop {
            let answer = get("/api/version").send().await;
            if answer.status == 429 {
                break answer;
            }
        };
        let (ok, unauthorized) = (get("/api/pool/me").viewer("ann").send().await, get("/api/pool/me").send().await);
        let (missing, refused) = (get("/api/nothing").send().await, get("/api/payouts/pending").send().await);
        for answer in [answer, ok, unauthorized, limited, missing, refused] {
            let granted = answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
            assert_eq!(granted, is_allowed.then_some(origin), "{answer:?}");
            assert!(!answer.headers.contains_key("access-control-allow-credentials"));
            let vary = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap().to_lowercase());
            assert!(vary.collect::<Vec<_>>().join(",").contains("origin"), "caches tell origins apart: {answer:?}");
        }
    }
    let answer = app.get("/api/pool/me").header("origin", "http://localhost:3000").viewer("ann").send().await;
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
    insta::assert_snapshot!(exposed, @"x-request-id,retry-after,ratelimit,ratelimit-policy,ratelimit-limit,ratelimit-remaining,ratelimit-reset");
    app.finish().await;
}

#[tokio::test]
async fn the_panel_may_read_what_went_wrong_on_our_side() {
    let app =
        TestApp::with(|settings| settings.mgm.allowed_origins = vec!["http://localhost:3000".parse().unwrap()]).await;
    app.state.store.close().await;
    let answer = app.get("/api/pool/me").header("origin", "http://localhost:3000").viewer("ann").send().await;
    answer.is(503, "unavailable");
    assert_eq!(answer.headers["access-control-allow-origin"], "http://localhost:3000");
    app.abandon();
}

#[tokio::test]
async fn the_version_is_as_configured() {
    let app = TestApp::start().await;
    assert_eq!(
        app.get("/api/version").send().await.ok(),
        json!({"version": env!("CARGO_PKG_VERSION"), "releaseNotesUrl": null, "minimumDesktopVersion": null,
               "minimumAddonVersion": null, "minimumExtensionVersion": null})
    );
    app.finish().await;
    let app = TestApp::with(|settings| {
        settings.version.current_version = Some("1.2.3".to_owned());
        settings.version.minimum_addon_version = Some("1.0".to_owned());
    })
    .await;
    let version = app.get("/api/version").send().await.ok();
    assert_eq!((&version["version"], &version["minimumAddonVersion"]), (&json!("1.2.3"), &json!("1.0")));
    app.finish().await;
}

#[tokio::test]
async fn health_is_told() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/health/live").send().await.ok(), json!({"status": "live"}));
    let ready = app.get("/health/ready").send().await.ok();
    assert_eq!(ready, json!({"status": "ready", "subscription": null, "subscriptionRevoked": null}));
    app.finish().await;
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let app = TestApp::start().await;
    let answer = app.request(Method::HEAD, "/api/version").send().await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    app.finish().await;
}

#[tokio::test]
async fn a_wrong_parameter_is_named_with_what_it_may_be_as_the_api_writes_it() {
    let app = TestApp::start().await;
    let statuses = "status must be one of Pending, InProgress, Sent, Failed, Cancelled, Expired";
    let states = "state must be one of pending, sending, announced, dropped, unknown, failed";
    let mut wrong = vec![
        ("/api/payouts?".to_owned(), statuses.to_owned()),
        ("/api/payouts?status=".to_owned(), statuses.to_owned()),
        ("/api/payouts?status=bogus".to_owned(), statuses.to_owned()),
        ("/api/payouts?status=Pending&status=Sent".to_owned(), "status must be given once".to_owned()),
        ("/api/announcements?state=bogus".to_owned(), states.to_owned()),
        ("/api/announcements?state=".to_owned(), states.to_owned()),
        ("/api/announcements?state=sending&state=sending".to_owned(), "state must be given once".to_owned()),
        ("/api/gift-requests?streamerId=a&streamerId=b".to_owned(), "streamerId must be given once".to_owned()),
    ];
    let lists = ["/api/payouts/pending?", "/api/payouts?status=sent&", "/api/announcements?", "/api/gift-requests?"];
    for list in lists {
        for limit in ["0", "1001", "-1", "x", "", "1.5"] {
            wrong.push((format!("{list}limit={limit}"), "limit must be a whole number from 1 to 1000".to_owned()));
        }
        for id in ["x", "", "0"] {
            wrong.push((format!("{list}after={id}"), "after must be the id of one in the list, a UUID".to_owned()));
        }
        wrong.push((format!("{list}limit=1&limit=2"), "limit must be given once".to_owned()));
    }
    for (path, message) in wrong {
        let answer = app.get(&path).desktop().send().await;
        answer.is(400, "invalid_payload");
        assert_eq!(answer.value()["message"], message, "{path}");
    }
    for path in ["/api/announcements?state=ANNOUNCED&new=1&new=2", "/api/payouts?status=inprogress&limit=1000"] {
        app.get(path).desktop().send().await.ok();
    }
    app.finish().await;
}
