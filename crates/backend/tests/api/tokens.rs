//! The broadcaster's token is renewed when Twitch no longer accepts it.

use std::time::Duration;

use futures_util::future::join_all;
use mgm_backend::{
    routes::state::AppState,
    twitch::{AskError, TokenTrouble, lease::Lease},
};
use mgm_settings::Settings;
use mgm_store::StoredTokens;
use mgm_twitch::helix::{CallError, Correlation, SendOutcome};
use serde_json::{Value, json};

use crate::{
    app::{ACCESS_TOKEN, TestApp, callback_url},
    helix::{NARROW_TOKEN, STRANGERS_TOKEN},
};

const REFRESH_TOKEN: &str = "first-refresh-token";

pub fn renewing(settings: &mut Settings) {
    settings.twitch.broadcaster_refresh_token = Some(REFRESH_TOKEN.into());
    settings.twitch.helix_client_secret = Some("helix-client-secret".into());
}

async fn ask(state: &AppState) -> Result<bool, AskError> {
    state.helix.is_subscribed("ann", &Correlation::default()).await
}

/// The token of the last message that was accepted.
async fn last_token(app: &TestApp) -> String {
    let header = app.helix.last_request().await["authorizationHeader"].as_str().unwrap().to_owned();
    header.strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test]
async fn a_token_that_has_expired_is_renewed_once_and_the_announcement_made() {
    let app = TestApp::with(renewing).await;
    app.helix.expire_tokens().await;
    let payout = app.sent("ann", "Annhero").await;
    assert_eq!(app.announcement(&payout).await["state"], "announced");
    let asked = app.helix.journal().await.requests;
    let asked: Vec<_> = asked.iter().map(|request| (request.path.as_str(), request.status.unwrap())).collect();
    assert_eq!(asked, [("/helix/chat/messages", 401), ("/oauth2/token", 200), ("/helix/chat/messages", 200)]);
    assert_ne!(last_token(&app).await, ACCESS_TOKEN);
    app.finish().await;
}

#[tokio::test]
async fn two_processes_that_get_401_at_once_renew_the_token_once_and_both_go_on() {
    let app = TestApp::with(renewing).await;
    let other = app.another(|_| ());
    app.helix.expire_tokens().await;
    // Delayed, so that all calls have received a 401 before the new token exists.
    app.helix.faults(json!([{"kind": "slow", "route": "token", "delayMs": 500}])).await;
    let asked = join_all((0..8).flat_map(|_| [ask(&app.state), ask(&other)])).await;
    assert!(asked.iter().all(|answer| *answer == Ok(true)), "{asked:?}");
    assert_eq!(app.helix.token_requests().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn the_renewed_pair_outlives_a_restart_and_is_renewed_in_its_turn() {
    let app = TestApp::with(renewing).await;
    app.helix.expire_tokens().await;
    assert_eq!(ask(&app.state).await, Ok(true));
    let restarted = app.another(|_| ());
    assert_eq!(ask(&restarted).await, Ok(true));
    assert_eq!(app.helix.token_requests().await, 1, "the stored token is still good");
    // The stand-in accepts each refresh token once, so this is the second in the chain.
    app.helix.expire_tokens().await;
    assert_eq!(ask(&restarted).await, Ok(true));
    assert_eq!(app.helix.token_requests().await, 2);
    app.finish().await;
}

#[tokio::test]
async fn a_new_refresh_token_in_the_settings_wins_over_the_stored_pair() {
    let app = TestApp::with(renewing).await;
    app.helix.expire_tokens().await;
    assert_eq!(ask(&app.state).await, Ok(true));
    let reset = app.another(|settings| {
        settings.twitch.broadcaster_access_token = Some("second-access-token".into());
        settings.twitch.broadcaster_refresh_token = Some("second-refresh-token".into());
    });
    let lease = Lease::begin(&reset.clock, Duration::from_secs(60));
    let outcome = reset.helix.send_chat_message("hello", &lease, &Correlation::default()).await.unwrap();
    assert!(matches!(outcome, SendOutcome::Sent { .. }), "{outcome:?}");
    let asked = app.helix.journal().await.requests;
    let statuses: Vec<_> =
        asked.iter().filter(|one| one.path == "/helix/chat/messages").map(|one| one.status).collect();
    // The configured access token was tried first; the stand-in answers that it is invalid.
    assert_eq!(statuses, [Some(401), Some(200)]);
    assert_eq!(app.helix.token_requests().await, 2);
    app.finish().await;
}

#[tokio::test]
async fn a_refused_refresh_token_is_reported_without_it_and_left_alone() {
    let app = TestApp::with(renewing).await;
    app.helix.expire_tokens().await;
    app.helix.faults(json!([{"kind": "status", "route": "token", "status": 400}])).await;
    let payout = app.sent("ann", "Annhero").await;
    let announcement = app.announcement(&payout).await;
    assert_eq!(announcement["state"], "failed", "{announcement}");
    let detail = announcement["detail"].as_str().unwrap();
    assert!(detail.contains("Twitch__BroadcasterRefreshToken"), "{detail}");
    assert!(!detail.contains(REFRESH_TOKEN) && !detail.contains(ACCESS_TOKEN), "{detail}");
    let other = app.another(|_| ());
    app.advance(1);
    for state in [&app.state, &other] {
        assert!(matches!(ask(state).await, Err(AskError::Token(TokenTrouble::Refused(_)))));
    }
    assert_eq!(app.helix.token_requests().await, 1, "it is not asked again and again");
    // A process that starts later may try, since somebody may have fixed it.
    let later = app.another(|_| ());
    assert_eq!(ask(&later).await, Ok(true));
    assert_eq!(ask(&other).await, Ok(true));
    assert_eq!(app.helix.token_requests().await, 2);
    app.finish().await;
}

#[tokio::test]
async fn a_refusal_is_asked_about_again_after_a_while() {
    let app = TestApp::with(renewing).await;
    app.helix.expire_tokens().await;
    app.helix.faults(json!([{"kind": "status", "route": "token", "status": 401}])).await;
    assert!(matches!(ask(&app.state).await, Err(AskError::Token(TokenTrouble::Refused(_)))));
    app.advance(601);
    assert_eq!(ask(&app.state).await, Ok(true));
    app.finish().await;
}

#[tokio::test]
async fn while_the_token_service_is_away_the_announcement_waits_for_it() {
    let app = TestApp::with(renewing).await;
    app.helix.expire_tokens().await;
    app.helix.faults(json!([{"kind": "status", "route": "token", "status": 503}])).await;
    let payout = app.sent("ann", "Annhero").await;
    assert_eq!(app.announcement(&payout).await["state"], "pending");
    app.advance(3_600);
    app.announce_due().await;
    assert_eq!(app.announcement(&payout).await["state"], "announced");
    app.finish().await;
}

#[tokio::test]
async fn a_401_after_one_renewal_is_final_and_renewing_is_not_tried_again_and_again() {
    let app = TestApp::with(renewing).await;
    app.helix.faults(json!([{"kind": "status", "status": 401, "times": 2}])).await;
    let payout = app.sent("ann", "Annhero").await;
    let announcement = app.announcement(&payout).await;
    assert_eq!(announcement["state"], "failed", "{announcement}");
    assert!(announcement["detail"].as_str().unwrap().contains("Twitch__BroadcasterAccessToken"));
    assert_eq!((app.helix.messages().await.len(), app.helix.token_requests().await), (2, 1));
    app.helix.faults(json!([{"kind": "status", "route": "subscription", "status": 401}])).await;
    let unauthorized = ask(&app.state).await;
    assert!(matches!(unauthorized, Err(AskError::Call(CallError::Refused { status: 401, .. }))), "{unauthorized:?}");
    assert_eq!(app.helix.token_requests().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_claim_is_checked_with_the_renewed_token() {
    let app = TestApp::with(|settings| {
        renewing(settings);
        settings.mgm.dev_skip_subscriber_check = false;
    })
    .await;
    app.helix.expire_tokens().await;
    let claim = |user: &'static str| {
        let body = json!({"characterName": "Etoehero", "enrollmentRequestId": user});
        app.post("/api/payouts/claim").viewer(user).json(&body)
    };
    claim("nosub-ann").send().await.is(403, "not_subscriber");
    claim("ann").send().await.success(201);
    app.helix.expire_tokens().await;
    app.helix.faults(json!([{"kind": "status", "route": "token", "status": 500}])).await;
    claim("bob").send().await.is(503, "helix_unavailable");
    app.finish().await;
}

#[tokio::test]
async fn a_void_token_is_noticed_and_renewed_before_it_is_needed() {
    let app = TestApp::with(renewing).await;
    app.state.helix.validate().await.unwrap();
    assert_eq!(app.helix.token_requests().await, 0);
    app.helix.expire_tokens().await;
    app.state.helix.validate().await.unwrap();
    assert_eq!(app.helix.token_requests().await, 1);
    let payout = app.sent("ann", "Annhero").await;
    assert_eq!(app.announcement(&payout).await["state"], "announced");
    assert_eq!(app.helix.messages().await.len(), 1);
    app.finish().await;
}

/// A backend that uses all features, with this token.
async fn with_token(token: &'static str) -> TestApp {
    TestApp::with(|settings| {
        settings.mgm.dev_skip_subscriber_check = false;
        settings.twitch.broadcaster_access_token = Some(token.into());
        settings.twitch.helix_client_secret = Some("helix-client-secret".into());
        settings.twitch.event_sub_callback_url = Some(callback_url("http://127.0.0.1:9/api/twitch/eventsub"));
    })
    .await
}

async fn missing_scopes(app: &TestApp) -> Value {
    app.get("/health/ready").send().await.ok()["missingScopes"].clone()
}

#[tokio::test]
async fn a_token_with_all_that_is_needed_is_wanting_in_nothing() {
    let app = with_token(ACCESS_TOKEN).await;
    let findings = app.state.helix.validate().await.unwrap();
    assert_eq!((findings.missing_scopes, findings.warnings), (Some(vec![]), vec![]));
    assert_eq!(missing_scopes(&app).await, Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn the_scopes_that_the_token_lacks_are_named_with_what_comes_of_it() {
    let app = with_token(NARROW_TOKEN).await;
    let findings = app.state.helix.validate().await.unwrap();
    let expected = ["channel:read:subscriptions", "user:read:chat", "user:bot", "channel:bot"];
    assert_eq!(findings.missing_scopes.as_deref(), Some(&expected[..]));
    assert_eq!(missing_scopes(&app).await, json!(expected));
    for (warning, scope) in findings.warnings.iter().zip(expected) {
        assert!(warning.starts_with(&format!("Twitch__BroadcasterAccessToken lacks the scope {scope}: ")), "{warning}");
    }
    assert!(findings.warnings[0].contains("helix_unavailable") && !findings.warnings[0].contains(NARROW_TOKEN));
    assert!(matches!(ask(&app.state).await, Err(AskError::Call(CallError::Refused { status: 401, .. }))));
    // A disabled feature needs no scope.
    let less = app.another(|settings| {
        settings.mgm.dev_skip_subscriber_check = true;
        settings.twitch.event_sub_callback_url = None;
    });
    assert_eq!(less.helix.validate().await.unwrap().missing_scopes.as_deref(), Some(&[][..]));
    app.finish().await;
}

#[tokio::test]
async fn a_token_of_somebody_elses_or_of_no_user_and_a_void_one_are_told_apart() {
    let app = with_token(STRANGERS_TOKEN).await;
    let warnings = app.state.helix.validate().await.unwrap().warnings;
    assert!(
        matches!(&warnings[..], [one] if one.contains("another user's than Twitch__BroadcasterUserId")),
        "{warnings:?}"
    );
    assert!(matches!(ask(&app.state).await, Err(AskError::Call(CallError::Refused { status: 401, .. }))));
    let void = app.another(|settings| settings.twitch.broadcaster_access_token = Some("unknown".into()));
    let warnings = void.helix.validate().await.unwrap().warnings;
    assert!(matches!(&warnings[..], [one] if one.starts_with("Twitch no longer accepts ")), "{warnings:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_token_that_was_issued_to_another_client_is_noticed() {
    let app = TestApp::with(|settings| {
        renewing(settings);
        settings.twitch.broadcaster_refresh_token = Some(REFRESH_TOKEN.into());
    })
    .await;
    app.helix.expire_tokens().await;
    assert_eq!(ask(&app.state).await, Ok(true));
    let renewed = last_renewed(&app).await;
    let other = app.another(|settings| {
        settings.twitch.broadcaster_refresh_token = None;
        settings.twitch.broadcaster_access_token = Some(renewed.into());
        settings.twitch.helix_client_id = Some("another-client".to_owned());
    });
    let warnings = other.helix.validate().await.unwrap().warnings;
    assert!(
        matches!(&warnings[..], [one] if one.contains("another client than Twitch__HelixClientId")),
        "{warnings:?}"
    );
    assert!(matches!(ask(&other).await, Err(AskError::Call(CallError::Refused { status: 401, .. }))));
    app.finish().await;
}

/// The access token that was issued last.
async fn last_renewed(app: &TestApp) -> String {
    let query = "SELECT access_token FROM twitch_tokens";
    sqlx::query_scalar(query).fetch_one(app.database.pool()).await.unwrap()
}

#[tokio::test]
async fn without_a_refresh_token_nothing_is_renewed() {
    let app = TestApp::start().await;
    app.helix.expire_tokens().await;
    let payout = app.sent("ann", "Annhero").await;
    assert_eq!(app.announcement(&payout).await["state"], "failed");
    assert_eq!(app.helix.token_requests().await, 0);
    app.finish().await;
}

#[tokio::test]
async fn no_token_shows_in_debug_output() {
    let app = TestApp::with(renewing).await;
    app.helix.expire_tokens().await;
    assert_eq!(ask(&app.state).await, Ok(true));
    let tokens = StoredTokens { access: "hush-access".into(), refresh: "hush-refresh".into() };
    let locked = app.state.store.lock_tokens("unused", &tokens, Duration::from_secs(5), app.now()).await.unwrap();
    let shown = format!("{:?} {locked:?}", app.state);
    let pair: Vec<Value> =
        sqlx::query_scalar("SELECT jsonb_build_array(access_token, refresh_token) FROM twitch_tokens")
            .fetch_all(app.database.pool())
            .await
            .unwrap();
    let pair = pair[0].as_array().unwrap().iter().map(|token| token.as_str().unwrap());
    for secret in pair.chain([ACCESS_TOKEN, REFRESH_TOKEN, "helix-client-secret", "hush-access"]) {
        assert!(!shown.contains(secret), "{secret}");
    }
    app.finish().await;
}
