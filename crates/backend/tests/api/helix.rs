//! The stand-in for Helix, on its own port.

use std::sync::Arc;

use axum::http::Method;
use mgm_api_types::mocks::{Journal, JournalEntry, RevokedSubscription};
use mgm_mocks::helix::{self, HelixConfig};
use mgm_mocks::world::{Client, Fixture, Grant, GrantedToken};
use mgm_service::{
    bind::BindUrls,
    serve::{Limits, Listeners, serve},
};
use mgm_settings::Settings;
use mgm_system::{Clock, ManualClock, RandomSource, SystemClock};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::{ACCESS_TOKEN, BROADCASTER};

/// The client id.
pub const CLIENT_ID: &str = "e2e-ci-helix-client";
/// A token of the broadcaster with only the scope for announcements.
pub const NARROW_TOKEN: &str = "narrow-access-token";
/// A token of another user.
pub const STRANGERS_TOKEN: &str = "strangers-access-token";

pub struct HelixStandIn {
    pub url: String,
    http: reqwest::Client,
    _running: DropGuard,
}

/// The grants to the client, with their tokens.
fn fixture() -> Fixture {
    let all = Settings::default().mock_helix.broadcaster_scopes;
    let token = |access: &str, refresh: &str, scopes: Option<Vec<String>>| GrantedToken {
        access_token: Some(access.into()),
        refresh_token: Some(refresh.into()),
        scopes,
        expires_in: None,
    };
    let grant = |user: &str, tokens: Vec<GrantedToken>| Grant {
        client_id: CLIENT_ID.to_owned(),
        user_id: user.to_owned(),
        scopes: all.clone(),
        tokens,
    };
    let broadcasters = vec![
        token(ACCESS_TOKEN, "first-refresh-token", None),
        token("second-access-token", "second-refresh-token", None),
        token(NARROW_TOKEN, "narrow-refresh-token", Some(vec!["user:write:chat".to_owned()])),
    ];
    let mut grants = vec![
        grant(BROADCASTER, broadcasters),
        grant("somebody-else", vec![token(STRANGERS_TOKEN, "strangers-refresh-token", None)]),
        grant("dev-broadcaster", vec![token("hush-access-token", "hush-refresh-token", None)]),
    ];
    // Channels whose chat is read by other users.
    grants.extend((0..120).map(|channel| grant(&channel.to_string(), vec![])));
    grants.push(grant("another", vec![]));
    let client = Client { id: CLIENT_ID.to_owned(), secret: None, redirect_uris: vec![] };
    Fixture { clients: [client].into_iter().collect(), grants: grants.into_iter().collect(), ..Fixture::of_strangers() }
}

impl HelixStandIn {
    /// Starts it with the machine's clock.
    pub fn start() -> Self {
        Self::with(Arc::new(SystemClock))
    }

    /// Starts it with the test's clock.
    pub fn at(clock: &Arc<ManualClock>) -> Self {
        Self::with(Arc::<ManualClock>::clone(clock))
    }

    fn with(clock: Arc<dyn Clock>) -> Self {
        let listeners = Listeners::bind(&BindUrls::loopback(0)).unwrap();
        let url = format!("http://{}", listeners.addresses()[0]);
        let random = Arc::new(RandomSource::from_system());
        let router = helix::router(HelixConfig { strict: true, fixture: fixture(), clock, random });
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listeners, router, Limits::default(), shutdown.clone()));
        // The stand-in's own client also needs a cryptography provider, although it uses plain HTTP.
        let origin = url.parse().unwrap();
        let http = mgm_http_client::client(&origin, std::time::Duration::from_secs(10)).unwrap();
        Self { url, http, _running: shutdown.drop_guard() }
    }

    /// Requests faults for the next requests.
    pub async fn faults(&self, faults: Value) {
        let answer = self.http.post(format!("{}/faults", self.url)).json(&faults).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    pub async fn status(&self, status: u16) {
        self.faults(json!([{"kind": "status", "status": status}])).await;
    }

    /// The bodies of the chat messages that were requested, sent or not.
    pub async fn messages(&self) -> Vec<Value> {
        let journal = self.journal().await;
        let asked = journal.requests.into_iter().filter(|request| request.path == "/helix/chat/messages");
        asked.map(|request| request.body.unwrap_or_default()).collect()
    }

    /// Expires all access tokens.
    pub async fn expire_tokens(&self) {
        let answer = self.http.post(format!("{}/tokens/expire", self.url)).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }

    /// Requests to the token service.
    pub async fn token_requests(&self) -> usize {
        let is_backends = |request: &&JournalEntry| request.path == "/oauth2/token" && request.query.is_none();
        self.journal().await.requests.iter().filter(is_backends).count()
    }

    /// Revokes the newest enabled EventSub subscription; returns the status of its callback's answer.
    pub async fn revoke(&self, status: &str) -> Option<u16> {
        let answer = self.http.post(format!("{}/eventsub/revoke", self.url)).json(&json!({"status": status}));
        answer.send().await.unwrap().json::<RevokedSubscription>().await.unwrap().callback_status
    }

    /// Calls the EventSub endpoint as a client of Twitch does; returns the answer's body, if it has one.
    pub async fn eventsub(&self, method: Method, query: &str, body: &Value) -> Value {
        let url = format!("{}/helix/eventsub/subscriptions{query}", self.url);
        // In the query, to distinguish it from the backend's requests.
        let grant = format!("client_id={CLIENT_ID}&client_secret=secret&grant_type=client_credentials");
        let token = self.http.post(format!("{}/oauth2/token?{grant}", self.url)).send().await.unwrap();
        let token: Value = token.json().await.unwrap();
        let token = token["access_token"].as_str().unwrap_or_else(|| panic!("{token}"));
        let request = self.http.request(method, url).bearer_auth(token).header("client-id", CLIENT_ID);
        let answer = request.json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        answer.json().await.unwrap_or_default()
    }

    /// All EventSub subscriptions.
    pub async fn subscriptions(&self) -> Vec<Value> {
        self.eventsub(Method::GET, "", &Value::Null).await["data"].as_array().unwrap().clone()
    }

    /// The bodies of the requests to create a subscription.
    pub async fn subscription_requests(&self) -> Vec<Value> {
        let asked = self.journal().await.requests.into_iter();
        let asked = asked.filter(|request| request.method == "POST" && request.path == "/helix/eventsub/subscriptions");
        asked.map(|request| request.body.unwrap_or_default()).collect()
    }

    pub async fn journal(&self) -> Journal {
        self.http.get(format!("{}/requests", self.url)).send().await.unwrap().json().await.unwrap()
    }

    pub async fn last_request(&self) -> Value {
        self.http.get(format!("{}/last-request", self.url)).send().await.unwrap().json().await.unwrap()
    }
}
