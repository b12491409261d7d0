//! The chat subscription is created, repaired and created again, by one process at a time.

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use mgm_backend::routes::{self, state::AppState};
use mgm_service::{
    bind::BindUrls,
    serve::{Limits, Listeners, serve},
};
use mgm_settings::Settings;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::{BROADCASTER, EVENTSUB_SECRET, PREVIOUS_EVENTSUB_SECRET, TestApp, callback_url, signing_secret};

const CHANNEL_CHAT_MESSAGE: &str = "channel.chat.message";
const PATIENCE: Duration = Duration::from_secs(30);

/// A backend that maintains its chat subscription, at an address that the stand-in for Twitch can reach.
struct Keeper {
    app: TestApp,
    callback: String,
    _serving: DropGuard,
}

impl Keeper {
    async fn start() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let listeners = Listeners::bind(&BindUrls::loopback(0)).unwrap();
        let callback = format!("http://{}/api/twitch/eventsub", listeners.addresses()[0]);
        let app = TestApp::with(|settings| {
            settings.twitch.event_sub_callback_url = Some(callback_url(&callback));
            settings.twitch.helix_client_secret = Some("helix-client-secret".into());
            change(settings);
        })
        .await;
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listeners, routes::router(app.state.clone()), Limits::default(), shutdown.clone()));
        Self { app, callback, _serving: shutdown.drop_guard() }
    }

    /// The answer of `GET /health/ready`.
    async fn health(&self) -> Value {
        self.app.get("/health/ready").send().await.ok()
    }

    async fn stands(&self) -> String {
        self.health().await["subscription"].as_str().unwrap_or("unknown").to_owned()
    }

    /// Why the subscription cannot be created.
    async fn problem(&self) -> Option<String> {
        self.app.state.store.chat_subscription().await.unwrap().unwrap().reason
    }

    /// Runs rounds of the worker, in any of the processes, until the subscription has this state.
    async fn until(&self, state: &AppState, wanted: &str) {
        let settled = async {
            loop {
                state.subscription.round().await.unwrap();
                if self.stands().await == wanted {
                    return;
                }
                self.app.advance(1);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        assert!(settled.is_ok(), "{wanted}: {} {:?}", self.health().await, self.app.helix.journal().await);
    }

    async fn enabled(&self) {
        self.until(&self.app.state, "enabled").await;
    }

    /// Runs rounds for this many seconds.
    async fn rounds(&self, seconds: u32) {
        for _ in 0..seconds {
            self.app.state.subscription.round().await.unwrap();
            self.app.advance(1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Creates a subscription by hand.
    async fn made_by_hand(&self, kind: &str, channel: &str, callback: &str) -> String {
        let made = json!({
            "type": kind,
            "version": "1",
            "condition": {"broadcaster_user_id": channel, "user_id": channel},
            "transport": {"method": "webhook", "callback": callback, "secret": EVENTSUB_SECRET},
        });
        let made = self.app.helix.eventsub(Method::POST, "", &made).await;
        made["data"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn ids(&self) -> Vec<String> {
        let all = self.app.helix.subscriptions().await;
        all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    async fn requests(&self) -> usize {
        self.app.helix.subscription_requests().await.len()
    }
}

#[tokio::test]
async fn nothing_is_asked_of_twitch_unless_a_callback_is_configured() {
    let app = TestApp::start().await;
    app.state.subscription.round().await.unwrap();
    assert_eq!(app.helix.journal().await.total, 0);
    assert_eq!(app.get("/health/ready").send().await.ok()["subscription"], Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn the_subscription_is_made_and_verified_at_start_and_every_process_shows_it() {
    let keeper = Keeper::start().await;
    keeper.enabled().await;
    let asked = keeper.app.helix.subscription_requests().await;
    let wanted = json!({
        "type": CHANNEL_CHAT_MESSAGE,
        "version": "1",
        "condition": {"broadcaster_user_id": BROADCASTER, "user_id": BROADCASTER},
        "transport": {"method": "webhook", "callback": keeper.callback, "secret": "(not shown)"},
    });
    assert_eq!(asked, [wanted]);
    let other = keeper.app.another(|settings| settings.twitch.event_sub_callback_url = None);
    let shown = other.store.chat_subscription().await.unwrap().unwrap();
    assert_eq!(shown.state.as_str(), "enabled");
    // After a restart it is still in order.
    let restarted = keeper.app.another(|_| ());
    keeper.until(&restarted, "enabled").await;
    assert_eq!(keeper.requests().await, 1);
    keeper.app.finish().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_replaced_and_what_is_others_left_alone() {
    let keeper = Keeper::start().await;
    let theirs = [
        keeper.made_by_hand("stream.online", BROADCASTER, &keeper.callback).await,
        keeper.made_by_hand(CHANNEL_CHAT_MESSAGE, "another", &keeper.callback).await,
    ];
    let nowhere = "http://127.0.0.1:9/api/twitch/eventsub";
    let ours = [
        keeper.made_by_hand(CHANNEL_CHAT_MESSAGE, BROADCASTER, nowhere).await,
        // Its secret is not known to be ours.
        keeper.made_by_hand(CHANNEL_CHAT_MESSAGE, BROADCASTER, &keeper.callback).await,
    ];
    keeper.enabled().await;
    let left = keeper.ids().await;
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(theirs.iter().all(|id| left.contains(id)) && !ours.iter().any(|id| left.contains(id)), "{left:?}");
    // A duplicate that appears later is deleted at the next check.
    keeper.made_by_hand(CHANNEL_CHAT_MESSAGE, BROADCASTER, nowhere).await;
    keeper.app.advance(601);
    keeper.app.state.subscription.round().await.unwrap();
    assert_eq!(keeper.ids().await, left);
    keeper.app.finish().await;
}

#[tokio::test]
async fn a_list_of_many_pages_is_read_to_its_end() {
    let keeper = Keeper::start().await;
    for channel in 0..120 {
        keeper.made_by_hand(CHANNEL_CHAT_MESSAGE, &channel.to_string(), &keeper.callback).await;
    }
    let ours = keeper.made_by_hand(CHANNEL_CHAT_MESSAGE, BROADCASTER, &keeper.callback).await;
    keeper.enabled().await;
    // It is on the second page, and is replaced, since its secret is unknown.
    let deleted = keeper.app.helix.journal().await.requests;
    let deleted: Vec<_> = deleted.iter().filter(|one| one.method == "DELETE").map(|one| one.query.clone()).collect();
    assert_eq!(deleted, [Some(format!("id={ours}"))]);
    keeper.app.finish().await;
}

#[tokio::test]
async fn after_a_revocation_the_subscription_is_made_anew() {
    let keeper = Keeper::start().await;
    keeper.enabled().await;
    let first = keeper.ids().await;
    assert_eq!(keeper.app.helix.revoke("notification_failures_exceeded").await, Some(200));
    let health = keeper.health().await;
    assert_eq!((&health["subscription"], &health["status"]), (&json!("revoked"), &json!("ready")));
    assert_eq!(health["subscriptionRevoked"], "notification_failures_exceeded");
    keeper.enabled().await;
    let second = keeper.ids().await;
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    assert_eq!(keeper.health().await["subscriptionRevoked"], Value::Null);
    keeper.app.finish().await;
}

#[tokio::test]
async fn a_revocation_that_needs_a_person_is_reported_until_somebody_starts_a_process_again() {
    let keeper = Keeper::start().await;
    keeper.enabled().await;
    for reason in ["authorization_revoked", "user_removed", "chat_user_banned"] {
        let before = keeper.requests().await;
        assert_eq!(keeper.app.helix.revoke(reason).await, Some(200));
        for _ in 0..20 {
            keeper.app.advance(400);
            keeper.app.state.subscription.round().await.unwrap();
        }
        assert_eq!(keeper.health().await["subscriptionRevoked"], reason);
        assert_eq!(keeper.requests().await, before, "{reason}");
        keeper.until(&keeper.app.another(|_| ()), "enabled").await;
        assert_eq!(keeper.requests().await, before + 1, "{reason}");
    }
    keeper.app.finish().await;
}

#[tokio::test]
async fn several_processes_make_one_subscription() {
    let keeper = Keeper::start().await;
    let others: Vec<_> = (0..3).map(|_| keeper.app.another(|_| ())).collect();
    for _ in 0..20 {
        let rounds = others.iter().chain([&keeper.app.state]).map(|state| state.subscription.round());
        assert!(join_all(rounds).await.iter().all(Result::is_ok));
        keeper.app.advance(1);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    keeper.enabled().await;
    assert_eq!(keeper.requests().await, 1);
    assert_eq!(keeper.app.helix.revoke("notification_failures_exceeded").await, Some(200));
    for _ in 0..20 {
        join_all(others.iter().map(|state| state.subscription.round())).await;
        keeper.app.advance(1);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    keeper.until(&others[0], "enabled").await;
    assert_eq!(keeper.requests().await, 2);
    keeper.app.finish().await;
}

#[tokio::test]
async fn while_helix_is_away_the_problem_shows_and_later_the_subscription_is_made() {
    let keeper = Keeper::start().await;
    keeper.app.helix.faults(json!([{"kind": "status", "route": "eventsub", "status": 503, "times": 3}])).await;
    keeper.until(&keeper.app.state, "failed").await;
    let problem = keeper.problem().await.unwrap();
    assert!(problem.contains("503"), "{problem}");
    keeper.enabled().await;
    assert_eq!(keeper.problem().await, None);
    keeper.app.finish().await;
}

#[tokio::test]
async fn a_refused_client_is_reported_by_the_names_of_its_settings_and_not_tried_each_second() {
    let keeper = Keeper::start().await;
    let refusals = json!([{"kind": "status", "route": "token", "status": 403, "times": 100}]);
    keeper.app.helix.faults(refusals).await;
    keeper.rounds(120).await;
    let problem = keeper.problem().await.unwrap();
    assert!(problem.contains("Twitch__HelixClientSecret"), "{problem}");
    let asked = keeper.app.helix.token_requests().await;
    assert!((2..=5).contains(&asked), "{asked}");
    keeper.app.finish().await;
}

#[tokio::test]
async fn an_app_token_that_has_expired_is_got_anew() {
    let keeper = Keeper::start().await;
    keeper.enabled().await;
    assert_eq!(keeper.app.helix.token_requests().await, 1);
    keeper.app.helix.expire_tokens().await;
    assert_eq!(keeper.app.helix.revoke("notification_failures_exceeded").await, Some(200));
    keeper.enabled().await;
    assert_eq!(keeper.app.helix.token_requests().await, 2);
    keeper.app.finish().await;
}

#[tokio::test]
async fn a_subscription_whose_making_was_answered_to_nobody_is_known_again() {
    let keeper = Keeper::start().await;
    let lost = json!([
        {"kind": "slow", "route": "eventsub", "delayMs": 0},
        {"kind": "reply_lost", "route": "eventsub"},
    ]);
    keeper.app.helix.faults(lost).await;
    keeper.enabled().await;
    assert_eq!((keeper.requests().await, keeper.ids().await.len()), (1, 1));
    keeper.app.finish().await;
}

#[tokio::test]
async fn a_callback_that_cannot_prove_itself_is_tried_less_and_less_often() {
    // Nothing listens there.
    let keeper = Keeper::with(|settings| {
        settings.twitch.event_sub_callback_url = Some(callback_url("http://127.0.0.1:9/api/twitch/eventsub"));
    })
    .await;
    keeper.rounds(120).await;
    let tries = keeper.requests().await;
    assert!((4..=9).contains(&tries), "{tries}");
    let problem = keeper.problem().await;
    assert!(problem.is_none_or(|problem| problem == "webhook_callback_verification_failed"));
    assert_eq!(keeper.ids().await.len(), 1);
    keeper.app.finish().await;
}

#[tokio::test]
async fn a_changed_secret_makes_another_subscription_and_an_older_process_leaves_it() {
    let new = "the-secret-after-that";
    // As the procedure requires: every process accepts the new secret before one signs with it.
    let keeper = Keeper::with(|settings| settings.twitch.event_sub_secret_previous = Some(signing_secret(new))).await;
    keeper.enabled().await;
    let first = keeper.ids().await;
    let rotated = keeper.app.another(|settings| {
        settings.twitch.event_sub_secret = Some(signing_secret(new));
        settings.twitch.event_sub_secret_previous = Some(signing_secret(EVENTSUB_SECRET));
    });
    rotated.subscription.round().await.unwrap();
    keeper.until(&rotated, "enabled").await;
    let second = keeper.ids().await;
    assert_ne!(first, second);
    keeper.app.advance(3_600);
    keeper.rounds(10).await;
    assert_eq!(keeper.ids().await, second);
    keeper.app.finish().await;
}

#[tokio::test]
async fn no_secret_is_in_what_is_stored_of_the_subscription() {
    let keeper = Keeper::start().await;
    keeper.enabled().await;
    let stored: String =
        sqlx::query_scalar("SELECT to_jsonb(eventsub_subscriptions)::text FROM eventsub_subscriptions")
            .fetch_one(keeper.app.database.pool())
            .await
            .unwrap();
    for secret in [EVENTSUB_SECRET, PREVIOUS_EVENTSUB_SECRET, "helix-client-secret"] {
        assert!(!stored.contains(secret), "{stored}");
        assert!(!format!("{:?}", keeper.app.state).contains(secret));
    }
    keeper.app.finish().await;
}
