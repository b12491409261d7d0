//! A receiver of EventSub messages, and what it takes to send it some.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use http::{HeaderMap, Method, StatusCode};
use mgm_mocks::helix::{HelixConfig, router};
use mgm_mocks::world::Fixture;
use mgm_system::{Clock, RandomSource};
use mgm_twitch::eventsub::{SigningSecrets, VerifyError, header};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{Running, answer, clock, start};

pub const CHAT: &str = "channel.chat.message";
pub const SECRET: &str = "the secret of a subscription";
pub const SUBSCRIPTIONS: &str = "/helix/eventsub/subscriptions";

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A message that arrived.
#[derive(Debug)]
pub struct Message {
    pub host: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Message {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.header(header::MESSAGE_ID)
    }

    pub fn retry(&self) -> &str {
        self.header(header::MESSAGE_RETRY)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> String {
        self.json()["event"]["message"]["text"].as_str().unwrap().to_owned()
    }

    pub fn verify(&self) -> Result<(), VerifyError> {
        SigningSecrets::new([&SecretString::from(SECRET)]).unwrap().verify(&self.headers, &self.body)
    }
}

/// A callback that answers challenges correctly, and everything else as it is told.
pub struct Receiver {
    pub running: Running,
    got: UnboundedReceiver<Message>,
    status: Arc<Mutex<StatusCode>>,
}

type Shared = (UnboundedSender<Message>, Arc<Mutex<StatusCode>>);

async fn receive(State((sender, status)): State<Shared>, request: Request) -> (StatusCode, String) {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let host = head.headers["host"].to_str().unwrap().to_owned();
    let message = Message { host, target: head.uri.to_string(), headers: head.headers, body };
    if message.header(header::MESSAGE_TYPE) == "webhook_callback_verification" {
        let challenge = message.json()["challenge"].as_str().unwrap().to_owned();
        return (StatusCode::OK, challenge);
    }
    sender.send(message).unwrap();
    (*status.lock().unwrap(), "received".to_owned())
}

impl Receiver {
    pub fn start() -> Self {
        let (sender, got) = unbounded_channel();
        let status = Arc::new(Mutex::new(StatusCode::NO_CONTENT));
        let router = Router::new().fallback(receive).with_state((sender, Arc::clone(&status)));
        Self { running: start(router), got, status }
    }

    pub fn url(&self) -> String {
        format!("http://{}/callback", self.running.address)
    }

    /// Answers everything but challenges with this status from now on.
    pub fn answer_with(&self, status: StatusCode) {
        *self.status.lock().unwrap() = status;
    }

    /// The next message that is no challenge.
    pub async fn next(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.got.recv()).await.expect("a message comes").unwrap()
    }

    /// Nothing has come that was not looked at.
    pub fn is_empty(&mut self) -> bool {
        self.got.try_recv().is_err()
    }
}

/// A lenient stand-in.
pub fn mock() -> Running {
    mock_with(false, Fixture::of_strangers(), clock())
}

pub fn mock_with(strict: bool, fixture: Fixture, clock: Arc<dyn Clock>) -> Running {
    let random = Arc::new(RandomSource::from_system());
    start(router(HelixConfig { strict, fixture, clock, random }))
}

/// Posts JSON, which has to be accepted.
pub async fn post(mock: &Running, path: &str, body: &Value) -> Value {
    let (status, answer) = answer(mock.post(path, body)).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// Subscribes a callback to the chat of the channel `b`, and waits until it is verified.
pub async fn subscribe(mock: &Running, callback: &str) -> String {
    subscribe_to(mock, CHAT, &json!({"broadcaster_user_id": "b", "user_id": "b"}), callback).await
}

pub async fn subscribe_to(mock: &Running, kind: &str, condition: &Value, callback: &str) -> String {
    let transport = json!({"method": "webhook", "callback": callback, "secret": SECRET});
    let wanted = json!({"type": kind, "version": "1", "condition": condition, "transport": transport});
    let made = post(mock, SUBSCRIPTIONS, &wanted).await;
    let id = made["data"][0]["id"].as_str().unwrap().to_owned();
    let challenges = "message_type=webhook_callback_verification&count=1&wait_seconds=30";
    mock.get(&format!("/admin/deliveries?{challenges}&subscription_id={id}")).await;
    assert_eq!(status(mock, &id).await, "enabled");
    id
}

/// The status of a subscription.
pub async fn status(mock: &Running, id: &str) -> String {
    let all = mock.get("/admin/eventsub").await.1;
    let found = all.as_array().unwrap().iter().find(|one| one["id"] == id);
    found.map_or_else(String::new, |one| one["status"].as_str().unwrap().to_owned())
}

/// Somebody says something in the channel `b`.
pub async fn say(mock: &Running, text: &str, hostile: Option<&str>) -> Value {
    let line = json!({"broadcaster_id": "b", "user_id": "ann", "text": text, "hostile": hostile});
    post(mock, "/admin/chat", &line).await
}

pub async fn advance(mock: &Running, seconds: u32) {
    post(mock, "/admin/clock", &json!({"advance_seconds": seconds})).await;
}

/// The rules of deliveries, with these changes.
pub async fn rules(mock: &Running, rules: &Value) {
    let request = mock.request(Method::PUT, "/admin/delivery").body(rules.to_string());
    assert_eq!(answer(request).await.0, StatusCode::OK);
}

/// Waits until there are so many deliveries that the query asks for; returns them.
pub async fn deliveries(mock: &Running, query: &str, count: usize) -> Vec<Value> {
    let (_, answer) = mock.get(&format!("/admin/deliveries?{query}&count={count}&wait_seconds=30")).await;
    let found = answer["deliveries"].as_array().unwrap().clone();
    assert_eq!(found.len(), count, "{answer:#}");
    found
}
