//! EventSub subscriptions (<https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription>): created, listed
//! and deleted; each callback is actually verified, and notified of revocations.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use mgm_api_types::mocks::{RevokeSubscription, RevokedSubscription, Verdict};
use mgm_http_client::Exchange;
use mgm_twitch::eventsub::{format_timestamp, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::caller::Caller;
use crate::call::{Answer, Call, MockTwitch, Parameters, bad_request, forbidden};
use crate::error::{Refusal, read_json};
use crate::journal::Delivery;
use crate::outbound::{CONNECT_TIMEOUT, MAX_ANSWER};
use crate::world::eventsub::Refused;
use crate::world::subscription::{ENABLED, PENDING, UNVERIFIED};
use crate::world::topics::{field, topic};
use crate::world::{self, Secret, Subscription};

/// The default page size.
const PAGE: usize = 100;
/// How long a callback may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The filters of the list, of which only one may be used at a time.
const FILTERS: [&str; 4] = ["status", "type", "user_id", "subscription_id"];

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
    secret: Secret,
}

/// The fields around the list, and around a subscription that was created.
fn frame(state: &world::State, client: &str, shown: &[Value]) -> Map<String, Value> {
    let max_total_cost = state.records.limits.eventsub_total_cost;
    let (total, total_cost) = (state.eventsub_of(client).count(), state.total_cost(client));
    let frame = json!({"total": total, "data": shown, "total_cost": total_cost, "max_total_cost": max_total_cost});
    match frame {
        Value::Object(frame) => frame,
        _ => Map::new(),
    }
}

/// <https://dev.twitch.tv/docs/api/reference/#get-eventsub-subscriptions>
pub(super) async fn list(State(helix): State<Arc<MockTwitch>>, call: Call) -> Answer {
    let list = |state: &mut world::State, caller: &Caller| page(state, caller.client(), &call.parameters);
    helix.as_app(&call, list)
}

fn page(state: &world::State, client: &str, parameters: &Parameters) -> Result<Answer, Answer> {
    let filters: Vec<_> =
        FILTERS.into_iter().flat_map(|name| parameters.all(name).map(move |value| (name, value))).collect();
    if filters.len() > 1 {
        return Err(bad_request("only one filter can be given"));
    }
    let passes = |one: &&Subscription| match filters.first() {
        Some(("status", status)) => one.status == *status,
        Some(("type", kind)) => one.kind == *kind,
        Some(("subscription_id", id)) => one.id == *id,
        Some(("user_id", user)) => one.condition.values().any(|value| value == *user),
        Some(_) | None => true,
    };
    let passing = state.eventsub_of(client).filter(passes).map(|one| (one.id.clone(), one)).collect();
    let (shown, pagination) = parameters.page(passing, PAGE, PAGE)?;
    let shown: Vec<_> = shown.into_iter().map(Subscription::show).collect();
    let mut frame = frame(state, client, &shown);
    frame.insert("pagination".to_owned(), pagination);
    Ok(Answer::ok(frame.into()))
}

/// <https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription>
pub(super) async fn create(State(helix): State<Arc<MockTwitch>>, call: Call) -> Answer {
    let create = |state: &mut world::State, caller: &Caller| {
        let (made, answer) = subscribe(state, caller.client(), &call.body)?;
        tokio::spawn(Arc::clone(&helix).verify(made));
        Ok(answer)
    };
    helix.as_app(&call, create)
}

/// <https://dev.twitch.tv/docs/api/reference/#delete-eventsub-subscription>
pub(super) async fn delete(State(helix): State<Arc<MockTwitch>>, call: Call) -> Answer {
    let remove = |state: &mut world::State, caller: &Caller| {
        let id = call.parameters.one("id")?;
        let is_theirs = state.eventsub_of(caller.client()).any(|one| one.id == id);
        if !is_theirs {
            return Err(Answer::error(StatusCode::NOT_FOUND, "subscription not found"));
        }
        state.records.eventsub.retain(|one| one.id != id);
        Ok(Answer::done())
    };
    helix.as_app(&call, remove)
}

/// `POST /eventsub/revoke`: ends a subscription and notifies its callback, as Twitch does.
pub(super) async fn revoke(
    State(helix): State<Arc<MockTwitch>>,
    body: Bytes,
) -> Result<Json<RevokedSubscription>, Refusal> {
    let RevokeSubscription { id, status } = read_json(&body)?;
    let revoked = {
        let mut state = helix.world.enter();
        let wanted = state.records.eventsub.iter_mut().rev().find(|one| match &id {
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

/// Twitch calls `https` on port 443. Loopback, which Twitch would not call, is also accepted, for the stack itself.
fn can_be_called(callback: &Url) -> bool {
    let is_loopback = match callback.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    is_loopback || (callback.scheme() == "https" && callback.port_or_known_default() == Some(443))
}

/// Checks a subscription by Twitch's rules, except for duplicates and limits.
fn check(state: &world::State, client: &str, wanted: &Wanted) -> Result<(), Answer> {
    if !Url::parse(&wanted.transport.callback).is_ok_and(|callback| can_be_called(&callback)) {
        return Err(bad_request("invalid callback: must be https on port 443"));
    }
    let Some(topic) = topic(&wanted.kind, &wanted.version) else {
        return Err(bad_request("invalid subscription type and version"));
    };
    if let Some(lacks) = topic.lacks(&wanted.condition) {
        return Err(bad_request(&lacks));
    }
    let users = topic.condition.iter().chain(topic.one_of).filter(|name| name.ends_with("user_id"));
    for name in users {
        if field(&wanted.condition, name).is_some_and(|id| state.user(id).is_none()) {
            return Err(bad_request(&format!("unknown user in the condition: {name}")));
        }
    }
    if state.may_subscribe(client, topic, &wanted.condition) {
        return Ok(());
    }
    Err(forbidden("subscription missing proper authorization"))
}

/// Creates a subscription, whose callback is yet to be verified.
fn subscribe(state: &mut world::State, client: &str, body: &[u8]) -> Result<(Subscription, Answer), Answer> {
    let wanted: Wanted = mgm_api_types::json::from_slice(body).map_err(|error| bad_request(&error.to_string()))?;
    if wanted.transport.method != "webhook" {
        return Err(bad_request("unsupported transport method"));
    }
    if wanted.transport.secret.text().is_empty() {
        return Err(bad_request("missing transport secret"));
    }
    if Url::parse(&wanted.transport.callback).is_err() {
        return Err(bad_request("invalid callback"));
    }
    if state.strict {
        check(state, client, &wanted)?;
    }
    let subscription = Subscription {
        id: state.random.uuid().to_string(),
        client_id: client.to_owned(),
        status: PENDING.to_owned(),
        cost: state.cost(client, topic(&wanted.kind, &wanted.version), &wanted.condition),
        kind: wanted.kind,
        version: wanted.version,
        condition: wanted.condition,
        callback: wanted.transport.callback,
        secret: wanted.transport.secret,
        created_at: state.now,
    };
    if subscription.signing().is_none() {
        return Err(bad_request("secret must be between 10 and 100 characters"));
    }
    let too_many = |message| Answer::error(StatusCode::TOO_MANY_REQUESTS, message);
    state.subscribe(subscription.clone()).map_err(|refused| match refused {
        Refused::Exists => Answer::error(StatusCode::CONFLICT, "subscription already exists"),
        Refused::TooManyAlike => too_many("maximum subscriptions with type and condition exceeded"),
        Refused::TooCostly => too_many("total cost exceeded"),
    })?;
    let frame = frame(state, client, &[subscription.show()]);
    Ok((subscription, Answer { status: StatusCode::ACCEPTED, body: frame.into() }))
}

impl MockTwitch {
    /// Requires an app token, since webhooks belong to the client.
    fn as_app(&self, call: &Call, act: impl FnOnce(&mut world::State, &Caller) -> Result<Answer, Answer>) -> Answer {
        let mut state = self.world.enter();
        let caller = Caller::of(&state, &call.headers).and_then(|caller| caller.needs_app().map(|()| caller));
        caller.and_then(|caller| act(&mut state, &caller)).unwrap_or_else(|refusal| refusal)
    }

    /// <https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#responding-to-a-challenge-request>
    async fn verify(self: Arc<Self>, subscription: Subscription) {
        let challenge = self.random.uuid().to_string();
        let body = json!({"challenge": challenge, "subscription": subscription.show()});
        let answer = self.tell(&subscription, "webhook_callback_verification", &body).await;
        let is_verified = answer.is_some_and(|(status, body)| status == StatusCode::OK && body == challenge);
        tracing::info!(callback = subscription.callback, is_verified, "asked a callback to prove itself");
        let status = if is_verified { ENABLED } else { UNVERIFIED };
        self.world.enter().settle(&subscription.id, PENDING, status);
    }

    /// Sends a signed message to the callback, with the fault that waits for it.
    async fn tell(&self, subscription: &Subscription, message_type: &str, body: &Value) -> Option<(StatusCode, Bytes)> {
        let (id, body) = (self.random.uuid().to_string(), Bytes::from(body.to_string()));
        let timestamp = format_timestamp(self.world.clock().now());
        let signature = subscription.signing()?.sign(id.as_bytes(), timestamp.as_bytes(), &body)?;
        let callback = Url::parse(&subscription.callback).ok()?;
        let http = mgm_http_client::client(&callback, CONNECT_TIMEOUT).ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (CONTENT_TYPE.as_str(), "application/json"),
            (header::MESSAGE_ID, &id),
            (header::MESSAGE_RETRY, "0"),
            (header::MESSAGE_TYPE, message_type),
            (header::MESSAGE_TIMESTAMP, &timestamp),
            (header::MESSAGE_SIGNATURE, &signature),
            (header::SUBSCRIPTION_TYPE, &subscription.kind),
            (header::SUBSCRIPTION_VERSION, &subscription.version),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
        }
        let uri: Uri = callback.as_str().parse().ok()?;
        let delivery = Delivery {
            method: &Method::POST,
            uri: &uri,
            headers: &headers,
            body: &body,
            client_id: &subscription.client_id,
        };
        let plan = self.faults.next_delivery(&delivery);
        tokio::time::sleep(plan.delay).await;
        if plan.times == 0 {
            self.journal.sent(&delivery).with_fault(plan.fault).unanswered(Verdict::Withheld);
        }
        let mut answered = None;
        for _ in 0..plan.times {
            let open = self.journal.sent(&delivery).with_fault(plan.fault);
            let request = http.post(callback.clone()).headers(headers.clone()).body(body.clone()).timeout(TIMEOUT);
            answered = match mgm_http_client::exchange(request, MAX_ANSWER).await {
                Exchange::Complete { status, headers, body } => {
                    let body = body.into_bytes();
                    open.answered(Verdict::Answered, status, &headers, Some(&body), body.len());
                    Some((status, body))
                }
                Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => {
                    open.unanswered(Verdict::Unanswered);
                    tracing::warn!(reason, callback = subscription.callback, "the callback did not answer");
                    None
                }
            };
        }
        answered.filter(|_| !plan.is_answer_lost)
    }
}
