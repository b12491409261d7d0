//! A backend in this process, with everything that a test needs around it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use mgm_backend::{
    config::BackendConfig,
    routes::{self, state::AppState},
    twitch::TwitchClients,
};
use mgm_domain::{BroadcasterId, announcement::AnnouncementState};
use mgm_service::connection_string::ConnectionString;
use mgm_settings::{Environment, Settings};
use mgm_store::{MIGRATOR, Store};
use mgm_system::{Clock, ManualClock, RandomSource};
use mgm_test_support::TestDatabase;
use mgm_twitch::{
    eventsub::{CallbackUrl, ChatMessageBuilder, SigningSecret, SigningSecrets, format_timestamp},
    extension_jwt::ExtensionKeys,
};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use time::{OffsetDateTime, macros::datetime};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::helix::{CLIENT_ID, HelixStandIn};

pub const API_KEY: &str = "ci-desktop-api-key";
pub const PREVIOUS_API_KEY: &str = "the-key-before-that";
pub const EVENTSUB_SECRET: &str = "e2e-ci-eventsub-secret";
pub const PREVIOUS_EVENTSUB_SECRET: &str = "the-secret-before-that, with a comma";
pub const ACCESS_TOKEN: &str = "e2e-ci-broadcast-token";
pub const BROADCASTER: &str = "e2e-ci-broadcaster";
/// Ten seconds into a cycle.
pub const START: OffsetDateTime = datetime!(2026-01-02 03:05:10 UTC);
/// The address that requests come from.
pub const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 40_000);

pub struct TestApp {
    pub state: AppState,
    pub clock: Arc<ManualClock>,
    pub helix: HelixStandIn,
    pub database: TestDatabase,
    /// Tasks that outlive their request.
    pub tasks: TaskTracker,
    settings: Settings,
    router: Router,
    finished: bool,
}

/// The profile of Tier B, with a second value for each key that is rotated.
pub fn settings(helix: &HelixStandIn) -> Settings {
    let mut settings = Settings::default();
    settings.general.environment = Environment::Development;
    settings.connection_strings.postgresql = Some(ConnectionString::parse("Host=unused;Username=unused").unwrap());
    settings.mgm.api_key = Some(API_KEY.into());
    settings.mgm.api_key_previous = Some(PREVIOUS_API_KEY.into());
    settings.mgm.enable_e2e_harness = true;
    settings.mgm.dev_skip_subscriber_check = true;
    settings.twitch.event_sub_secret = Some(signing_secret(EVENTSUB_SECRET));
    settings.twitch.event_sub_secret_previous = Some(signing_secret(PREVIOUS_EVENTSUB_SECRET));
    settings.twitch.broadcaster_user_id = Some(BroadcasterId::parse(BROADCASTER).unwrap());
    settings.twitch.broadcaster_access_token = Some(ACCESS_TOKEN.into());
    settings.twitch.helix_client_id = Some(CLIENT_ID.to_owned());
    settings.twitch.helix_api_base_url = Some(helix.url.parse().unwrap());
    settings.twitch.oauth_base_url = Some(helix.url.parse().unwrap());
    settings
}

pub fn signing_secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text.into()).unwrap()
}

pub fn callback_url(url: &str) -> CallbackUrl {
    CallbackUrl::new(url.parse().unwrap()).unwrap()
}

fn state(
    settings: &Settings,
    database: &TestDatabase,
    clock: &Arc<ManualClock>,
    seed: [u8; 32],
    tasks: &TaskTracker,
) -> AppState {
    let config = BackendConfig::new(settings).unwrap();
    let connections = mgm_store::connect_options(database.connect_options());
    let pool = PgPoolOptions::new().max_connections(10).connect_lazy_with(connections);
    let store = Store::from_pool(pool, config.broadcaster.clone());
    let twitch = TwitchClients::new(&config.twitch).unwrap();
    let random = Arc::new(RandomSource::from_seed(seed));
    AppState::new(config, store, &twitch, Arc::<ManualClock>::clone(clock), random, tasks)
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// All operations with this key, `viewer` or `desktop`, from the document: so no route can be forgotten.
    pub async fn operations(&self, key: &str) -> Vec<(Method, String)> {
        let document = self.get("/openapi/v1.json").send().await.ok();
        let paths = document["paths"].as_object().unwrap().iter();
        let all = paths.flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |of| (path, of)));
        let with_key = all.filter(|(_, (_, operation))| operation["security"][0].get(key).is_some());
        let path = |path: &str| {
            let parts = path.split('/').map(|part| match part {
                "{streamerId}" => BROADCASTER,
                part if part.starts_with('{') => "nonsense",
                part => part,
            });
            parts.collect::<Vec<_>>().join("/")
        };
        with_key.map(|(at, (method, _))| (method.to_uppercase().parse().unwrap(), path(at))).collect()
    }

    /// A backend whose settings differ from the profile.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::on(mgm_test_support::database(&MIGRATOR).await, change)
    }

    /// A backend on a given database.
    pub fn on(database: TestDatabase, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let helix = HelixStandIn::at(&clock);
        let mut settings = settings(&helix);
        change(&mut settings);
        let tasks = TaskTracker::new();
        let state = state(&settings, &database, &clock, [7; 32], &tasks);
        let router = routes::router(state.clone());
        Self { state, clock, helix, database, tasks, settings, router, finished: false }
    }

    /// Another process on the same database, or this one after a restart, with settings that differ.
    pub fn another(&self, change: impl FnOnce(&mut Settings)) -> AppState {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let seed = [self.state.random.uuid().into_bytes(); 2].concat().try_into().unwrap();
        state(&settings, &self.database, &self.clock, seed, &TaskTracker::new())
    }

    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn request(&self, method: Method, path: &str) -> Call<'_> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(PEER));
        Call { app: self, request }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.request(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Call<'_> {
        self.request(Method::PATCH, path)
    }

    pub fn delete(&self, path: &str) -> Call<'_> {
        self.request(Method::DELETE, path)
    }

    /// A token with these claims, valid for an hour.
    pub fn token(&self, mut claims: Value) -> String {
        claims["exp"] = json!((self.now() + Duration::from_secs(3_600)).unix_timestamp());
        ExtensionKeys::development().sign(&claims).unwrap()
    }

    /// Sends this text as a subscriber in the broadcaster's chat.
    pub async fn chat(&self, user: &str, text: &str) -> Answer {
        let message = ChatMessageBuilder::by_subscriber(&self.fresh_id(), BROADCASTER, user, user, text);
        self.notify(&message.full_body()).await
    }

    pub fn fresh_id(&self) -> String {
        self.state.random.uuid().to_string()
    }

    /// Delivers a signed notification.
    pub async fn notify(&self, body: &[u8]) -> Answer {
        self.notification(body).send().await
    }

    /// A signed notification, which can be changed before it is sent.
    pub fn notification(&self, body: &[u8]) -> Call<'_> {
        let timestamp = format_timestamp(self.now());
        let headers = signing(EVENTSUB_SECRET).notification_headers(&self.fresh_id(), &timestamp, body);
        self.post("/api/twitch/eventsub").headers(headers).body(body.to_vec())
    }

    /// Enrols a viewer by chat.
    pub async fn enrolled(&self, user: &str, name: &str) {
        assert_eq!(self.chat(user, &format!("!twgold {name}")).await.status, StatusCode::OK);
        assert_eq!(self.name_of(user).await.as_deref(), Some(name), "{user} is in the pool");
    }

    /// The viewer's name in the pool, as shown to the panel.
    pub async fn name_of(&self, user: &str) -> Option<String> {
        let me = self.get("/api/pool/me").viewer(user).send().await.ok();
        assert_eq!(me["isEnrolled"], me["characterName"].is_string());
        me["characterName"].as_str().map(str::to_owned)
    }

    /// Awards a payout to a viewer in the pool; returns its id.
    pub async fn pending(&self, user: &str) -> String {
        let prepared = self.post("/api/e2e/prepare-pending-payout").desktop().json(&json!({"twitchUserId": user}));
        prepared.send().await.ok()["payoutId"].as_str().unwrap().to_owned()
    }

    pub async fn change(&self, payout: &str, status: &str) -> Answer {
        self.patch(&format!("/api/payouts/{payout}/status")).desktop().json(&json!({"status": status})).send().await
    }

    /// Enrols a viewer, awards a payout and takes it to `Sent`; returns its id.
    pub async fn sent(&self, user: &str, name: &str) -> String {
        self.enrolled(user, name).await;
        let payout = self.pending(user).await;
        self.change(&payout, "InProgress").await.ok();
        self.change(&payout, "Sent").await.ok();
        payout
    }

    /// The announcement of a payout.
    pub async fn announcement(&self, payout: &str) -> Value {
        self.get(&format!("/api/announcements/{payout}")).desktop().send().await.ok()
    }

    /// Runs a round of the announcements' worker.
    pub async fn announce_due(&self) {
        mgm_backend::work::workers::announcements::round(&self.state.worker_context(), &CancellationToken::new())
            .await
            .unwrap();
    }

    pub async fn draw(&self) {
        mgm_backend::work::workers::roulette::round(&self.state.worker_context()).await.unwrap();
    }

    /// Ends the test: no announcement and no gift request may be pending.
    pub async fn finish(mut self) {
        for state in [AnnouncementState::Pending, AnnouncementState::Sending] {
            let left = self.state.store.announcements(Some(state), None, 10).await.unwrap();
            assert_eq!(left, [], "the outbox is drained at the end of a test");
        }
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM gift_verifications")
            .fetch_one(self.database.pool())
            .await
            .unwrap();
        assert_eq!(left, 0, "what was asked for in chat is verified at the end of a test");
        self.finished = true;
    }

    /// Ends a test that leaves the outbox undrained on purpose.
    pub fn abandon(mut self) {
        self.finished = true;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test ends with `finish`, or `abandon`");
    }
}

pub fn signing(secret: &str) -> SigningSecrets {
    SigningSecrets::new([&SecretString::from(secret)]).unwrap()
}

/// A request that is being built.
pub struct Call<'a> {
    app: &'a TestApp,
    request: Request<Body>,
}

impl Call<'_> {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.request.headers_mut().remove(name).unwrap();
        self
    }

    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.request.headers_mut().extend(headers);
        self
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    pub fn json(self, body: &impl Serialize) -> Self {
        self.header("content-type", "application/json").body(serde_json::to_vec(body).unwrap())
    }

    /// Sends it from another address.
    pub fn from(mut self, peer: &str) -> Self {
        self.request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 40_000)));
        self
    }

    pub fn desktop(self) -> Self {
        self.header("x-mgm-apikey", API_KEY)
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn viewer(self, user: &str) -> Self {
        let token = self.app.token(json!({"user_id": user, "channel_id": BROADCASTER}));
        self.bearer(&token)
    }

    pub async fn send(self) -> Answer {
        let asked = format!("{} {}", self.request.method(), self.request.uri().path());
        let response = self.app.router.clone().oneshot(self.request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer { asked, status: parts.status, headers: parts.headers, body };
        answer.check();
        answer
    }
}

#[derive(Debug)]
pub struct Answer {
    /// Method and path of the request.
    asked: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// Checks what holds for every answer.
    fn check(&self) {
        assert!(self.headers.contains_key("x-request-id"), "{self:?}");
        if !self.status.is_client_error() && !self.status.is_server_error() {
            return;
        }
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/json", "{self:?}");
        let body = self.value();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["code", "details", "message"], "{self:?}");
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{self:?}");
        assert!(body["details"].is_object(), "{self:?}");
        if self.status.is_server_error() {
            assert_eq!(body["details"]["correlationId"], self.headers["x-request-id"].to_str().unwrap(), "{self:?}");
        }
    }

    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        self.success(200)
    }

    #[track_caller]
    pub fn success(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.asked, String::from_utf8_lossy(&self.body));
        self.value()
    }

    /// Asserts that the answer is this error.
    #[track_caller]
    pub fn is(&self, status: u16, code: &str) {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{}: {body}", self.asked);
        assert_eq!(self.value()["code"], code, "{}: {body}", self.asked);
    }
}
