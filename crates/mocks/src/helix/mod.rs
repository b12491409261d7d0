//! MockHelixApi stands for Twitch's REST interface (<https://dev.twitch.tv/docs/api/reference/>): it takes chat messages and
//! shows the last one, and knows who subscribes: everybody whose user id does not start with `nosub-`. It stands for the
//! token service and for the keeper of EventSub subscriptions, too.
//!
//! # Tokens
//!
//! `POST /oauth2/token` gives out an app token (`grant_type=client_credentials`) or renews a user's (`refresh_token`): any
//! refresh token is good, once, and another comes with the access token. `GET /oauth2/validate` tells whether an access token is good;
//! any is, until `POST /tokens/expire`: from then on only those that were given out since.
//!
//! # Subscriptions
//!
//! `GET`, `POST` and `DELETE /helix/eventsub/subscriptions` work as Twitch's do, a hundred a page. A new one is
//! `webhook_callback_verification_pending` until its callback has been sent a challenge, signed with the secret of the
//! subscription, and has proved itself or failed to. `POST /eventsub/revoke` `{"status": "authorization_revoked", "id": …}` ends one (without an
//! `id` the newest that is enabled), tells its callback, and answers `{id, status, callbackStatus}`.
//!
//! # Faults
//!
//! `POST /faults` takes an array of [`Fault`]s, `[{"kind": "reply_lost"}, {"kind": "status", "status": 503, "times": 2}]`,
//! and appends them to those that wait; `GET /faults` shows those; `POST /reset` forgets them. Each request to the
//! fault's route (`"route": "chat"`, the default, `"subscription"` for a viewer's, `"token"`, or `"eventsub"`) suffers one
//! of them, in order, after its credentials were checked.
//!
//! | kind | does the message count as sent? | what the caller sees |
//! | --- | --- | --- |
//! | `status` | if `status` (default 500) is a success | a complete answer of that status |
//! | `not_sent` | no | 200 with `is_sent: false` and a `drop_reason` |
//! | `duplicate` | no | the same, with the code `msg_duplicate`: it was said just before |
//! | `reply_lost` | yes | the connection ends without an answer |
//! | `truncated` | yes | the connection ends in the middle of the answer's body |
//! | `slow` | yes | the answer, after `delayMs` (default 1000) |
//! | `dropped` | no | the connection ends without an answer, at once or after `delayMs` |
//!
//! `GET /last-request` shows the last message that counts as sent, `GET /sent` the texts of all; `GET /requests` every request. (A connection that is
//! refused needs no fault: nothing listens on a port that is free.)

mod answer;
mod eventsub;
mod faults;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use mgm_api_types::mocks::{Fault, FaultRoute, LastRequest, SentMessages};
use mgm_service::services::ServiceId;
use mgm_service::settings::Settings;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::error::{Refusal, read_json};
use crate::program::{RunError, listen};
use crate::shell::Shell;
use crate::sources::Sources;
use answer::Answer;
use eventsub::Subscriptions;
use faults::{Effect, Faults};
use tokens::Tokens;

/// How many sent messages are kept.
const SENT_KEPT: usize = 10_000;

const CLIENT_ID: &str = "client-id";

/// User ids that start so are nobody's subscriber.
const NO_SUBSCRIBER: &str = "nosub-";

/// What the stand-in needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether a request without Bearer token or `Client-Id` is refused.
    pub strict_auth: bool,
    /// Where the ids of messages come from.
    pub sources: Sources,
}

impl Config {
    /// Reads `MockHelix__StrictAuth`.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        Self { strict_auth: settings.mock_helix.strict_auth, sources: Sources::system() }
    }
}

/// Runs the service until `shutdown`.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), RunError> {
    listen(ServiceId::MockHelix, settings, router(Config::from_settings(settings)), shutdown).await
}

/// The service's routes.
pub fn router(config: Config) -> Router {
    let helix = Arc::new(Helix {
        config,
        last_request: Mutex::default(),
        sent: Mutex::default(),
        faults: Faults::default(),
        tokens: Tokens::default(),
        subscriptions: Subscriptions::default(),
    });
    let forgetful = Arc::clone(&helix);
    Shell {
        routes: Router::new()
            .route("/helix/chat/messages", post(send_chat_message))
            .route("/helix/subscriptions/user", get(check_user_subscription))
            .route("/helix/eventsub/subscriptions", get(eventsub::list).post(eventsub::create).delete(eventsub::delete))
            .route("/oauth2/token", post(tokens::token))
            .route("/oauth2/validate", get(tokens::validate))
            .with_state(Arc::clone(&helix)),
        control: Router::new()
            .route("/last-request", get(last_request))
            .route("/sent", get(sent))
            .route("/faults", get(waiting_faults).post(add_faults))
            .route("/tokens/expire", post(tokens::expire))
            .route("/eventsub/revoke", post(eventsub::revoke))
            .with_state(helix),
        id: ServiceId::MockHelix,
        reset: move || {
            *forgetful.last_request() = LastRequest::default();
            *forgetful.sent() = SentMessages::default();
            forgetful.faults.reset();
            forgetful.tokens.reset();
            forgetful.subscriptions.reset();
        },
    }
    .router()
}

#[derive(Debug)]
struct Helix {
    config: Config,
    last_request: Mutex<LastRequest>,
    sent: Mutex<SentMessages>,
    faults: Faults,
    tokens: Tokens,
    subscriptions: Subscriptions,
}

async fn last_request(State(helix): State<Arc<Helix>>) -> Json<LastRequest> {
    Json(helix.last_request().clone())
}

async fn sent(State(helix): State<Arc<Helix>>) -> Json<SentMessages> {
    Json(helix.sent().clone())
}

async fn waiting_faults(State(helix): State<Arc<Helix>>) -> Json<Vec<Fault>> {
    Json(helix.faults.waiting())
}

async fn add_faults(State(helix): State<Arc<Helix>>, body: Bytes) -> Result<Json<Vec<Fault>>, Refusal> {
    helix.faults.add(read_json(&body)?)?;
    Ok(Json(helix.faults.waiting()))
}

/// <https://dev.twitch.tv/docs/api/reference/#send-chat-message>
async fn send_chat_message(State(helix): State<Arc<Helix>>, headers: HeaderMap, body: Bytes) -> Response {
    let id = helix.config.sources.id();
    let not_sent = |code: &str| {
        Answer::ok(json!({"data": [{
            "message_id": "",
            "is_sent": false,
            "drop_reason": {"code": code, "message": "A fault that was asked for."},
        }]}))
    };
    let take = || match serde_json::from_slice::<Map<String, Value>>(&body) {
        Ok(message) => {
            helix.capture(&headers, message);
            Answer::ok(json!({"data": [{"message_id": id, "is_sent": true}]}))
        }
        Err(_) => Answer::error(StatusCode::BAD_REQUEST, "The request body is not a JSON object."),
    };
    match helix.admit(&headers, FaultRoute::Chat) {
        Ok(effect @ Effect::Duplicate) => effect.apply(take, not_sent("msg_duplicate")).await,
        Ok(effect) => effect.apply(take, not_sent("msg_rejected")).await,
        Err(refusal) => refusal.into_response(),
    }
}

#[derive(Deserialize)]
struct SubscriptionQuery {
    #[serde(default)]
    broadcaster_id: String,
    #[serde(default)]
    user_id: String,
}

/// <https://dev.twitch.tv/docs/api/reference/#check-user-subscription>
async fn check_user_subscription(
    State(helix): State<Arc<Helix>>,
    headers: HeaderMap,
    query: Result<Query<SubscriptionQuery>, QueryRejection>,
) -> Response {
    let not_sent = Answer::ok(json!({"data": []}));
    match helix.admit(&headers, FaultRoute::Subscription) {
        Ok(effect) => effect.apply(|| subscription(query), not_sent).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn subscription(query: Result<Query<SubscriptionQuery>, QueryRejection>) -> Answer {
    let bad_request = |message: &str| Answer::error(StatusCode::BAD_REQUEST, message);
    let Query(SubscriptionQuery { broadcaster_id, user_id }) = match query {
        Ok(query) => query,
        Err(error) => return bad_request(&error.body_text()),
    };
    if broadcaster_id.is_empty() {
        return bad_request("Missing required parameter \"broadcaster_id\"");
    }
    if user_id.is_empty() {
        return bad_request("Missing required parameter \"user_id\"");
    }
    if user_id.starts_with(NO_SUBSCRIBER) {
        let message = format!("{user_id} has no subscription to {broadcaster_id}");
        return Answer::error(StatusCode::NOT_FOUND, &message);
    }
    Answer::ok(json!({"data": [{
        "broadcaster_id": broadcaster_id,
        "broadcaster_login": "streamer",
        "broadcaster_name": "Streamer",
        "is_gift": false,
        "tier": "1000",
    }]}))
}

impl Helix {
    fn last_request(&self) -> MutexGuard<'_, LastRequest> {
        // It is only ever replaced as a whole.
        self.last_request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self) -> MutexGuard<'_, SentMessages> {
        // Every change is complete before anything can panic.
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn capture(&self, headers: &HeaderMap, message: Map<String, Value>) {
        let mut sent = self.sent();
        sent.total += 1;
        if sent.messages.len() == SENT_KEPT {
            sent.messages.remove(0);
        }
        sent.messages.push(message.get("message").and_then(Value::as_str).unwrap_or_default().to_owned());
        drop(sent);
        *self.last_request() = LastRequest {
            captured: true,
            body: Some(message.into()),
            authorization_header: Some(text(headers, AUTHORIZATION.as_str())),
            client_id_header: Some(text(headers, CLIENT_ID)),
        };
    }

    /// Checks the credentials, as far as that is wanted, and then says what goes wrong.
    fn admit(&self, headers: &HeaderMap, route: FaultRoute) -> Result<Effect, Answer> {
        let unauthorized = |message| Err(Answer::error(StatusCode::UNAUTHORIZED, message));
        let token = bearer(headers);
        if self.config.strict_auth && token.is_none() {
            return unauthorized("OAuth token is missing");
        }
        if self.config.strict_auth && text(headers, CLIENT_ID).trim().is_empty() {
            return unauthorized("Client-Id header is missing");
        }
        if !self.tokens.is_good(&token.unwrap_or_default()) {
            return unauthorized("Invalid OAuth token");
        }
        Ok(self.faults.next(route))
    }
}

/// The token of the header `Authorization`.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let authorization = text(headers, AUTHORIZATION.as_str());
    let (scheme, token) = authorization.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim().to_owned())
}

/// The header's value; empty when there is none.
fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
