//! All secrets are rotated as docs/operations.md describes, while the desktop program, viewers and Twitch continue
//! without a pause: two processes behind a balancer are restarted one after the other at each step.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode},
};
use http_body_util::BodyExt;
use mgm_service::{
    bind::BindUrls,
    serve::{Limits, Listeners, serve},
};
use mgm_store::MIGRATOR;
use mgm_test_support::TestDatabase;
use mgm_twitch::{eventsub::ChatMessageBuilder, extension_jwt::ExtensionKeys};
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{BROADCASTER, signing},
    helix::{CLIENT_ID, HelixStandIn},
    program::{Running, now},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// One secret of each kind; the viewers' is base64 of a similar text.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Secrets {
    api_key: &'static str,
    eventsub: &'static str,
    extension: &'static str,
}

const OLD: Secrets =
    Secrets { api_key: "old-api-key", eventsub: "old-eventsub-secret", extension: "b2xkLWV4dGVuc2lvbi1zZWNyZXQ=" };
const NEW: Secrets =
    Secrets { api_key: "new-api-key", eventsub: "new-eventsub-secret", extension: "bmV3LWV4dGVuc2lvbi1zZWNyZXQ=" };

/// Passes requests to the backends in turn.
#[derive(Clone)]
struct Balancer {
    /// Each holds its address once, and once more for each request in progress to it.
    backends: Arc<Mutex<Vec<Arc<str>>>>,
    turn: Arc<AtomicUsize>,
    http: reqwest::Client,
}

impl Balancer {
    fn start(shutdown: &CancellationToken) -> (Self, String) {
        let listeners = Listeners::bind(&BindUrls::loopback(0)).unwrap();
        let url = format!("http://{}", listeners.addresses()[0]);
        let http = mgm_http_client::client(&url.parse().unwrap(), PATIENCE).unwrap();
        let balancer = Self { backends: Arc::default(), turn: Arc::default(), http };
        let router = Router::new().fallback(pass_on).with_state(balancer.clone());
        tokio::spawn(serve(listeners, router, Limits::default(), shutdown.clone()));
        (balancer, url)
    }

    /// Sends nothing more to the old backend, and waits until no request to it is in progress.
    async fn replace(&self, old: Option<&str>, new: &str) {
        let old = {
            let mut backends = self.backends.lock().unwrap();
            let place = backends.iter().position(|url| Some(&**url) == old);
            let old = place.map(|place| backends.remove(place));
            backends.push(new.into());
            old
        };
        while old.as_ref().is_some_and(|old| Arc::strong_count(old) > 1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn pass_on(State(balancer): State<Balancer>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let backend = {
        let backends = balancer.backends.lock().unwrap();
        Arc::clone(&backends[balancer.turn.fetch_add(1, Ordering::Relaxed) % backends.len()])
    };
    let asked = balancer.http.request(head.method, format!("{backend}{}", head.uri)).headers(head.headers).body(body);
    let answer = asked.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from(answer.bytes().await.unwrap()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    drop(backend);
    response
}

/// The clients that continue, each with its current secret.
#[derive(Clone)]
struct Clients {
    http: reqwest::Client,
    url: String,
    desktop: Arc<Mutex<Secrets>>,
    viewer: Arc<Mutex<Secrets>>,
    twitch: Arc<Mutex<Secrets>>,
    asked: Arc<[AtomicUsize; 3]>,
    stop: CancellationToken,
}

impl Clients {
    async fn desktop(&self, secrets: Secrets) -> StatusCode {
        let request = self.http.get(format!("{}/api/payouts/pending", self.url));
        request.header("x-mgm-apikey", secrets.api_key).send().await.unwrap().status()
    }

    async fn viewer(&self, secrets: Secrets) -> StatusCode {
        let claims = json!({"user_id": "ann", "channel_id": BROADCASTER, "exp": now() + 3_600});
        let token = ExtensionKeys::parse(secrets.extension).unwrap().sign(&claims).unwrap();
        let request = self.http.get(format!("{}/api/roulette/state", self.url)).bearer_auth(token);
        request.send().await.unwrap().status()
    }

    /// Enrols a new viewer each time.
    async fn twitch(&self, secrets: Secrets, number: usize) -> StatusCode {
        let letters: String = format!("{number:05}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
        let (id, text) = (number.to_string(), format!("!twgold Hero{letters}"));
        let body = ChatMessageBuilder::by_subscriber(&id, BROADCASTER, &id, &id, &text).full_body();
        let headers: HeaderMap = signing(secrets.eventsub).notification_headers(&id, &now().to_string(), &body);
        let request = self.http.post(format!("{}/api/twitch/eventsub", self.url)).headers(headers);
        request.body(Bytes::from(body)).send().await.unwrap().status()
    }

    /// Each client sends requests until it is stopped, and is never refused.
    fn start(&self, tasks: &TaskTracker) {
        for kind in 0..3 {
            let clients = self.clone();
            tasks.spawn(async move {
                while !clients.stop.is_cancelled() {
                    let number = clients.asked[kind].load(Ordering::Relaxed);
                    let holder = [&clients.desktop, &clients.viewer, &clients.twitch][kind];
                    let secrets = *holder.lock().unwrap();
                    let status = match kind {
                        0 => clients.desktop(secrets).await,
                        1 => clients.viewer(secrets).await,
                        _ => clients.twitch(secrets, number).await,
                    };
                    assert_eq!(status, StatusCode::OK, "client {kind}, request {number}");
                    clients.asked[kind].fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        }
    }

    /// Waits until each client has been answered a few more times.
    async fn go_on(&self, tasks: &TaskTracker) {
        let counts = || self.asked.iter().map(|count| count.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let before = counts();
        let answered = async {
            while counts().iter().zip(&before).any(|(now, before)| now - before < 10) {
                assert_eq!(tasks.len(), 3, "a client was turned away");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap();
    }
}

/// The operator's part.
struct Deployment {
    database: TestDatabase,
    helix: HelixStandIn,
    balancer: Balancer,
    url: String,
    processes: Vec<Running>,
}

impl Deployment {
    /// Restarts one process after the other: the new one serves before the old one is removed and stopped.
    async fn roll(&mut self, changes: &[(&str, &str)]) {
        for place in 0..2 {
            let new = self.launch(changes).await;
            let old = (self.processes.len() == 2).then(|| self.processes.remove(0));
            self.balancer.replace(old.as_ref().map(|old| old.url.as_str()), &new.url).await;
            self.processes.push(new);
            if let Some(old) = old {
                old.terminate();
                let (status, log) = old.end().await;
                assert_eq!(status, 0, "{place}: {log:#?}");
            }
        }
    }

    async fn launch(&self, changes: &[(&str, &str)]) -> Running {
        let (database, callback) = (self.database.url(), format!("{}/api/twitch/eventsub", self.url));
        let mut environment = vec![
            ("ASPNETCORE_ENVIRONMENT", "Production"),
            ("ASPNETCORE_URLS", "http://127.0.0.1:0"),
            ("ConnectionStrings__PostgreSQL", database.as_str()),
            ("Mgm__LogFormat", "json"),
            ("Mgm__TrustedProxies", "127.0.0.1"),
            ("RateLimits__ViewerReadsPerMinute", "1000000"),
            ("Twitch__BroadcasterUserId", BROADCASTER),
            ("Twitch__HelixApiBaseUrl", self.helix.url.as_str()),
            ("Twitch__OAuthBaseUrl", self.helix.url.as_str()),
            ("Twitch__HelixClientId", CLIENT_ID),
            ("Twitch__HelixClientSecret", "client-secret"),
            ("Twitch__EventSubCallbackUrl", callback.as_str()),
        ];
        environment.extend(changes);
        Running::launch(&environment).await
    }

    /// Waits until Twitch sends through a subscription that was requested this many times.
    async fn subscribed(&self, times: usize) {
        let subscribed = async {
            loop {
                let all = self.helix.subscriptions().await;
                let is_enabled = all.len() == 1 && all[0]["status"] == "enabled";
                if is_enabled && self.helix.subscription_requests().await.len() == times {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, subscribed).await.unwrap();
    }
}

#[tokio::test]
async fn every_secret_is_changed_without_a_request_being_lost() {
    let stop = CancellationToken::new();
    let (balancer, url) = Balancer::start(&stop);
    let mut deployment = Deployment {
        database: mgm_test_support::database(&MIGRATOR).await,
        helix: HelixStandIn::start(),
        balancer,
        url: url.clone(),
        processes: Vec::new(),
    };
    let only = |secrets: Secrets| {
        [
            ("Mgm__ApiKey", secrets.api_key),
            ("Twitch__EventSubSecret", secrets.eventsub),
            ("Twitch__ExtensionSecret", secrets.extension),
        ]
    };
    let both = |first: Secrets, second: Secrets, extension: &'static str| {
        [
            ("Mgm__ApiKey", first.api_key),
            ("Mgm__ApiKeyPrevious", second.api_key),
            ("Twitch__EventSubSecret", first.eventsub),
            ("Twitch__EventSubSecretPrevious", second.eventsub),
            ("Twitch__ExtensionSecret", extension),
        ]
    };
    deployment.roll(&only(OLD)).await;
    deployment.subscribed(1).await;
    let http = mgm_http_client::client(&url.parse().unwrap(), PATIENCE).unwrap();
    let has = || Arc::new(Mutex::new(OLD));
    let clients = Clients {
        http,
        url,
        desktop: has(),
        viewer: has(),
        twitch: has(),
        asked: Arc::default(),
        stop: stop.child_token(),
    };
    let tasks = TaskTracker::new();
    clients.start(&tasks);
    clients.go_on(&tasks).await;

    // First all processes also accept the new secrets.
    let accepted = format!("{},{}", OLD.extension, NEW.extension).leak();
    deployment.roll(&both(OLD, NEW, accepted)).await;
    clients.go_on(&tasks).await;
    *clients.desktop.lock().unwrap() = NEW;
    *clients.viewer.lock().unwrap() = NEW;
    clients.go_on(&tasks).await;

    // Then the new secrets come first, and the subscription is created again with the new secret.
    let accepted = format!("{},{}", NEW.extension, OLD.extension).leak();
    deployment.roll(&both(NEW, OLD, accepted)).await;
    deployment.subscribed(2).await;
    clients.go_on(&tasks).await;
    *clients.twitch.lock().unwrap() = NEW;
    clients.go_on(&tasks).await;

    // Finally the old secrets are removed.
    deployment.roll(&only(NEW)).await;
    clients.go_on(&tasks).await;
    clients.stop.cancel();
    assert_eq!(tasks.len(), 3);
    tasks.close();
    tokio::time::timeout(PATIENCE, tasks.wait()).await.unwrap();

    let enrolled: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pool_members").fetch_one(deployment.database.pool()).await.unwrap();
    assert_eq!(usize::try_from(enrolled).unwrap(), clients.asked[2].load(Ordering::Relaxed), "nobody was lost");
    for status in [clients.desktop(OLD).await, clients.viewer(OLD).await, clients.twitch(OLD, 99_999).await] {
        assert_eq!(status, StatusCode::UNAUTHORIZED, "the old one is no longer good");
    }
    assert_eq!(deployment.helix.subscription_requests().await.len(), 2, "restarts alone make no subscription");
    for process in deployment.processes {
        process.terminate();
        assert_eq!(process.end().await.0, 0);
    }
}
