//! EventSub subscriptions (<https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription>): created, listed and
//! deleted; each callback is really verified, and told of its revocation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use mgm_api_types::mocks::{FaultRoute, RevokeSubscription, RevokedSubscription};
use mgm_http_client::Exchange;
use mgm_twitch::eventsub::{CHANNEL_CHAT_MESSAGE, SigningSecrets, format_timestamp, header};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use url::{Host, Url};

use super::Helix;
use super::answer::Answer;
use super::parameters::{Parameters, bad_request};
use crate::error::{Refusal, read_json};
use crate::outbound::{CONNECT_TIMEOUT, MAX_ANSWER};

/// The maximum number of subscriptions, which is also their maximum total cost.
const CAPACITY: usize = 10_000;
/// The default size of a page of the list.
const PAGE: usize = 100;
/// The longest wait for a callback's answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The possible filters of a list, one at a time.
const FILTERS: [&str; 4] = ["status", "type", "user_id", "subscription_id"];
/// The maximum number with the same type and condition.
const SAME: usize = 3;

const ENABLED: &str = "enabled";
const PENDING: &str = "webhook_callback_verification_pending";
const UNVERIFIED: &str = "webhook_callback_verification_failed";

/// The existing subscriptions, oldest first.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<Vec<Subscription>>);

#[derive(Clone, Debug)]
struct Subscription {
    id: String,
    status: String,
    kind: String,
    version: String,
    condition: Map<String, Value>,
    callback: String,
    secret: SigningSecrets,
    created_at: OffsetDateTime,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    version: String,
    condition: Map<String, Value>,
    transport: WantedTransport,
}

#[derive(Deserialize)]
struct WantedTransport {
    method: String,
    callback: String,
    secret: SecretString,
}

impl Subscriptions {
    fn all(&self) -> MutexGuard<'_, Vec<Subscription>> {
        // Every change is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reset(&self) {
        self.all().clear();
    }

    /// Changes a subscription's status, if it still has the previous one.
    fn settle(&self, id: &str, before: &str, after: &str) {
        if let Some(subscription) = self.all().iter_mut().find(|one| one.id == id && one.status == before) {
            after.clone_into(&mut subscription.status);
        }
    }
}

impl Subscription {
    fn show(&self) -> Value {
        json!({
            "id": self.id,
            "status": self.status,
            "type": self.kind,
            "version": self.version,
            "condition": self.condition,
            "created_at": format_timestamp(self.created_at),
            "transport": {"method": "webhook", "callback": self.callback},
            "cost": 0,
        })
    }

    /// Whether it has the same type, version and condition, and is alive.
    fn is_like(&self, wanted: &Wanted) -> bool {
        [ENABLED, PENDING].contains(&self.status.as_str())
            && self.kind == wanted.kind
            && self.version == wanted.version
            && self.condition == wanted.condition
    }
}

/// The frame of a list, and of the answer to a new subscription.
fn frame(all: &[Subscription], shown: &[Value]) -> Map<String, Value> {
    let frame = json!({"total": all.len(), "data": shown, "total_cost": 0, "max_total_cost": CAPACITY});
    match frame {
        Value::Object(frame) => frame,
        _ => Map::new(),
    }
}

/// <https://dev.twitch.tv/docs/api/reference/#get-eventsub-subscriptions>
pub(super) async fn list(State(helix): State<Arc<Helix>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::of(query.as_deref());
    let list = || page(&helix.subscriptions.all(), &parameters).unwrap_or_else(|refusal| refusal);
    helix.as_app(&headers, list, Answer::ok(json!({"data": []}))).await
}

fn page(all: &[Subscription], parameters: &Parameters) -> Result<Answer, Answer> {
    let filters: Vec<_> =
        FILTERS.into_iter().flat_map(|name| parameters.all(name).map(move |value| (name, value))).collect();
    if filters.len() > 1 {
        return Err(bad_request("only one filter can be given"));
    }
    let size = parameters.first()?.unwrap_or(PAGE);
    let after = parameters.all("after").next();
    let passes = |one: &&Subscription| match filters.first() {
        Some(("status", status)) => one.status == *status,
        Some(("type", kind)) => one.kind == *kind,
        Some(("subscription_id", id)) => one.id == *id,
        Some(("user_id", user)) => one.condition.values().any(|value| value == *user),
        Some(_) | None => true,
    };
    let passing: Vec<_> = all.iter().filter(passes).collect();
    let start = after.and_then(|cursor| passing.iter().position(|one| one.id == cursor)).map_or(0, |place| place + 1);
    let shown: Vec<_> = passing[start..].iter().take(size).map(|one| one.show()).collect();
    let has_more = passing.len() > start + shown.len();
    let cursor = shown.last().filter(|_| has_more).map(|last| last["id"].clone());
    let mut frame = frame(all, &shown);
    frame.insert("pagination".to_owned(), cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor})));
    Ok(Answer::ok(frame.into()))
}

/// <https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription>
pub(super) async fn create(State(helix): State<Arc<Helix>>, headers: HeaderMap, body: Bytes) -> Response {
    helix.as_app(&headers, || helix.subscribe(&body), Answer::ok(json!({"data": []}))).await
}

/// <https://dev.twitch.tv/docs/api/reference/#delete-eventsub-subscription>
pub(super) async fn delete(State(helix): State<Arc<Helix>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::of(query.as_deref());
    let remove = || {
        let id = match parameters.one("id") {
            Ok(id) => id,
            Err(refusal) => return refusal,
        };
        let mut all = helix.subscriptions.all();
        match all.iter().position(|one| one.id == id) {
            Some(place) => {
                all.remove(place);
                Answer { status: StatusCode::NO_CONTENT, body: Value::Null }
            }
            None => Answer::error(StatusCode::NOT_FOUND, "subscription not found"),
        }
    };
    helix.as_app(&headers, remove, Answer::ok(json!({}))).await
}

/// `POST /eventsub/revoke`: ends a subscription and tells its callback so, as Twitch does.
pub(super) async fn revoke(State(helix): State<Arc<Helix>>, body: Bytes) -> Result<Json<RevokedSubscription>, Refusal> {
    let RevokeSubscription { id, status } = read_json(&body)?;
    let revoked = {
        let mut all = helix.subscriptions.all();
        let wanted = all.iter_mut().rev().find(|one| match &id {
            Some(id) => one.id == *id,
            None => one.status == ENABLED,
        });
        let Some(subscription) = wanted else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such subscription"));
        };
        status.clone_into(&mut subscription.status);
        subscription.clone()
    };
    let told = helix.tell(&revoked, "revocation", &json!({"subscription": revoked.show()})).await;
    let callback_status = told.map(|(status, _)| status.as_u16());
    Ok(Json(RevokedSubscription { id: revoked.id, status, callback_status }))
}

/// Twitch calls `https` on port 443. Loopback, which Twitch cannot call, is allowed for the stack.
fn can_be_called(callback: &Url) -> bool {
    let is_loopback = match callback.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    is_loopback || (callback.scheme() == "https" && callback.port_or_known_default() == Some(443))
}

impl Helix {
    /// Webhooks belong to the client, so this requires the client's own token.
    async fn as_app(&self, headers: &HeaderMap, act: impl FnOnce() -> Answer, not_sent: Answer) -> Response {
        match self.caller(headers).and_then(|caller| caller.needs_app()) {
            Ok(()) => self.faults.next(FaultRoute::EventSub).apply(act, not_sent).await,
            Err(refusal) => refusal.into_response(),
        }
    }

    /// Checks Twitch's conditions for a subscription, beyond what cannot be stored at all.
    fn check_wanted(&self, wanted: &Wanted) -> Result<(), Answer> {
        if !Url::parse(&wanted.transport.callback).is_ok_and(|callback| can_be_called(&callback)) {
            return Err(bad_request("invalid callback: must be https on port 443"));
        }
        if wanted.kind != CHANNEL_CHAT_MESSAGE {
            return Ok(());
        }
        if wanted.version != "1" {
            return Err(bad_request("invalid subscription type and version"));
        }
        let condition = |name: &str| {
            let id = wanted.condition.get(name).and_then(Value::as_str).filter(|id| !id.is_empty());
            id.ok_or_else(|| bad_request(&format!("missing {name} in the condition")))
        };
        let (broadcaster, reader) = (condition("broadcaster_user_id")?, condition("user_id")?);
        let has_granted = |id: &str, scope| self.config.accounts.user(id).is_some_and(|user| user.has_granted(scope));
        let is_read = ["user:read:chat", "user:bot"].iter().all(|scope| has_granted(reader, scope));
        if is_read && (reader == broadcaster || has_granted(broadcaster, "channel:bot")) {
            return Ok(());
        }
        Err(Answer::error(StatusCode::FORBIDDEN, "subscription missing proper authorization"))
    }

    fn subscribe(self: &Arc<Self>, body: &[u8]) -> Answer {
        let wanted: Wanted = match mgm_api_types::json::from_slice(body) {
            Ok(wanted) => wanted,
            Err(error) => return bad_request(&error.to_string()),
        };
        if wanted.transport.method != "webhook" {
            return bad_request("unsupported transport method");
        }
        let Ok(secret) = SigningSecrets::new([&wanted.transport.secret]) else {
            return bad_request("secret must be between 10 and 100 characters");
        };
        if secret.is_empty() {
            return bad_request("missing transport secret");
        }
        if Url::parse(&wanted.transport.callback).is_err() {
            return bad_request("invalid callback");
        }
        if self.config.strict_auth
            && let Err(refusal) = self.check_wanted(&wanted)
        {
            return refusal;
        }
        let mut all = self.subscriptions.all();
        let same = || all.iter().filter(|one| one.is_like(&wanted));
        if same().any(|one| one.callback == wanted.transport.callback) {
            return Answer::error(StatusCode::CONFLICT, "subscription already exists");
        }
        if same().count() >= SAME {
            let message = "maximum subscriptions with type and condition exceeded";
            return Answer::error(StatusCode::TOO_MANY_REQUESTS, message);
        }
        if all.len() == CAPACITY {
            return Answer::error(StatusCode::TOO_MANY_REQUESTS, "total cost exceeded");
        }
        let subscription = Subscription {
            id: self.config.random.uuid().to_string(),
            status: PENDING.to_owned(),
            kind: wanted.kind,
            version: wanted.version,
            condition: wanted.condition,
            callback: wanted.transport.callback,
            secret,
            created_at: self.config.clock.now(),
        };
        all.push(subscription.clone());
        let frame = frame(&all, &[subscription.show()]);
        tokio::spawn(Arc::clone(self).verify(subscription));
        Answer { status: StatusCode::ACCEPTED, body: frame.into() }
    }

    /// <https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#responding-to-a-challenge-request>
    async fn verify(self: Arc<Self>, subscription: Subscription) {
        let challenge = self.config.random.uuid().to_string();
        let body = json!({"challenge": challenge, "subscription": subscription.show()});
        let answer = self.tell(&subscription, "webhook_callback_verification", &body).await;
        let is_verified = answer.is_some_and(|(status, body)| status == StatusCode::OK && body == challenge);
        tracing::info!(callback = subscription.callback, is_verified, "asked a callback to prove itself");
        self.subscriptions.settle(&subscription.id, PENDING, if is_verified { ENABLED } else { UNVERIFIED });
    }

    /// Sends a signed message to the callback.
    async fn tell(&self, subscription: &Subscription, message_type: &str, body: &Value) -> Option<(StatusCode, Bytes)> {
        let (id, body) = (self.config.random.uuid().to_string(), body.to_string());
        let timestamp = format_timestamp(self.config.clock.now());
        let signature = subscription.secret.sign(id.as_bytes(), timestamp.as_bytes(), body.as_bytes())?;
        let callback = Url::parse(&subscription.callback).ok()?;
        let http = mgm_http_client::client(&callback, CONNECT_TIMEOUT).ok()?;
        let request = http
            .post(callback)
            .header("content-type", "application/json")
            .header(header::MESSAGE_ID, id)
            .header(header::MESSAGE_RETRY, "0")
            .header(header::MESSAGE_TYPE, message_type)
            .header(header::MESSAGE_TIMESTAMP, timestamp)
            .header(header::MESSAGE_SIGNATURE, signature)
            .header(header::SUBSCRIPTION_TYPE, &subscription.kind)
            .header(header::SUBSCRIPTION_VERSION, &subscription.version)
            .body(body)
            .timeout(TIMEOUT);
        match mgm_http_client::exchange(request, MAX_ANSWER).await {
            Exchange::Complete { status, body, .. } => Some((status, body.into_bytes())),
            Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => {
                tracing::warn!(reason, callback = subscription.callback, "the callback did not answer");
                None
            }
        }
    }
}
