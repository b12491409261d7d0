//! MockHelixApi replaces Twitch's REST interface (<https://dev.twitch.tv/docs/api/reference/>): it accepts chat messages,
//! shows the last one, and knows the channel's subscribers: everybody whose user id does not start with `nosub-`. It also
//! replaces the token service and manages EventSub subscriptions. Helix' answers have the headers of its rate limit, which
//! nobody reaches.
//!
//! # Tokens
//!
//! `POST /oauth2/token` issues an app token (`grant_type=client_credentials`) or renews a user's (`refresh_token`): a
//! refresh token is valid once, and another comes with the access token. `GET /oauth2/validate` tells whether an access
//! token is valid, and for what. `POST /tokens/expire` expires every access token.
//!
//! Without `MockHelix__StrictAuth` any access token is valid until then, and any refresh token; nobody checks whose a
//! token is. With it, Twitch's rules are enforced. Valid tokens are the broadcaster's from the settings
//! (`Twitch__BroadcasterAccessToken`, `Twitch__BroadcasterRefreshToken`) and those that were issued here. The client is
//! the one in the settings (`Twitch__HelixClientId`, `Twitch__HelixClientSecret`, if set), and each call names the client
//! that its token was issued to. A call requires a user's token or the client's own, a granted scope
//! (`MockHelix__BroadcasterScopes`), and ids that belong to the token's user:
//!
//! | route | token | scope | parameter of the token's user |
//! | --- | --- | --- | --- |
//! | `GET /helix/subscriptions` | a user's | `channel:read:subscriptions` | `broadcaster_id` |
//! | `GET /helix/subscriptions/user` | a user's | `user:read:subscriptions` | `user_id` |
//! | `POST /helix/chat/messages` | a user's | `user:write:chat` | `sender_id` |
//! | | the client's | `user:write:chat`, `user:bot` of the sender; `channel:bot` of another broadcaster | |
//! | `/helix/eventsub/subscriptions` | the client's | for `channel.chat.message` `user:read:chat`, `user:bot` of the reader; `channel:bot` of another broadcaster | |
//!
//! # Subscriptions
//!
//! `GET`, `POST` and `DELETE /helix/eventsub/subscriptions` work as Twitch's do, with a hundred per page or `first`. A new
//! one is `webhook_callback_verification_pending` until its callback has been sent a challenge, signed with the
//! subscription's secret, and has answered it correctly or failed to. `POST /eventsub/revoke`
//! `{"status": "authorization_revoked", "id": …}` revokes one (without an `id` the newest that is enabled), tells its
//! callback, and answers `{id, status, callbackStatus}`.
//!
//! # Faults
//!
//! `POST /faults` takes an array of [`Fault`]s, `[{"kind": "reply_lost"}, {"kind": "status", "status": 503, "times": 2}]`,
//! and appends them to the waiting ones; `GET /faults` shows those; `POST /reset` clears them. Each request to the
//! fault's route (`"route": "chat"`, the default, `"subscription"` for a viewer's, `"token"`, or `"eventsub"`) gets one
//! of them, in order, after its credentials were checked.
//!
//! | kind | does the message count as sent? | what the caller sees |
//! | --- | --- | --- |
//! | `status` | if `status` (default 500) is a success | a complete answer of that status |
//! | `not_sent` | no | 200 with `is_sent: false` and a `drop_reason` |
//! | `duplicate` | no | the same, with the code `msg_duplicate`: the same text was sent just before |
//! | `reply_lost` | yes | the connection ends without an answer |
//! | `truncated` | yes | the connection ends in the middle of the answer's body |
//! | `slow` | yes | the answer, after `delayMs` (default 1000) |
//! | `dropped` | no | the connection ends without an answer, at once or after `delayMs` |
//!
//! `GET /last-request` shows the last message that counts as sent, `GET /sent` the texts of all; `GET /requests` shows every
//! request. (A refused connection needs no fault: nothing listens on a free port.)

mod accounts;
mod answer;
mod caller;
mod chat;
mod eventsub;
mod faults;
mod parameters;
mod subscriptions;
mod tokens;

pub use accounts::{Accounts, ClientAccount, UserAccount};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mgm_api_types::mocks::{Fault, LastRequest, SentMessages};
use mgm_service::services::ServiceId;
use mgm_settings::Settings;
use mgm_system::{Clock, RandomSource, SystemClock};
use tokio_util::sync::CancellationToken;

use crate::error::{Refusal, read_json};
use crate::program::{RunError, listen};
use crate::shell::Shell;
use eventsub::Subscriptions;
use faults::Faults;
use tokens::Tokens;

const CLIENT_ID: &str = "client-id";

/// The stated number of calls that a client may make per minute.
const RATE_LIMIT: HeaderValue = HeaderValue::from_static("800");
const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The configuration of the stand-in.
#[derive(Clone, Debug)]
pub struct HelixConfig {
    /// Whether Twitch's rules for tokens, scopes and identities are enforced.
    pub strict_auth: bool,
    /// The client and the users.
    pub accounts: Accounts,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
    /// The source of ids and tokens.
    pub random: Arc<RandomSource>,
}

impl HelixConfig {
    /// Reads `MockHelix__StrictAuth` and the accounts.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        Self {
            strict_auth: settings.mock_helix.strict_auth,
            accounts: Accounts::from_settings(settings),
            clock: Arc::new(SystemClock),
            random: Arc::new(RandomSource::from_system()),
        }
    }

    /// The owner of an unknown token, if the rules are not enforced.
    fn anybody(&self) -> UserAccount {
        let stranger = || UserAccount { id: "streamer".to_owned(), scopes: vec![], access: None, refresh: None };
        self.accounts.users.first().cloned().unwrap_or_else(stranger)
    }
}

/// Runs the service until `shutdown`.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), RunError> {
    let config = HelixConfig::from_settings(settings);
    if config.strict_auth && settings.twitch.broadcaster_access_token.is_none() {
        tracing::warn!(
            "MockHelix__StrictAuth is on and Twitch__BroadcasterAccessToken is not set: only tokens that are given out \
             here are good"
        );
    }
    listen(ServiceId::MockHelix, settings, router(config), shutdown).await
}

/// The service's routes.
pub fn router(config: HelixConfig) -> Router {
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
            .route("/helix/chat/messages", post(chat::send))
            .route("/helix/subscriptions", get(subscriptions::of_broadcaster))
            .route("/helix/subscriptions/user", get(subscriptions::of_viewer))
            .route("/helix/eventsub/subscriptions", get(eventsub::list).post(eventsub::create).delete(eventsub::delete))
            .layer(map_response_with_state(Arc::clone(&helix), with_rate_limit))
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
    config: HelixConfig,
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

/// The rate limit headers of every Helix answer (<https://dev.twitch.tv/docs/api/guide/#twitch-rate-limits>): one point is
/// spent, and restored within the second.
async fn with_rate_limit(State(helix): State<Arc<Helix>>, mut response: Response) -> Response {
    let left = if response.status() == StatusCode::TOO_MANY_REQUESTS { "0" } else { "799" };
    let reset = helix.config.clock.now().unix_timestamp() + 1;
    response.headers_mut().extend([
        (RATELIMIT_LIMIT, RATE_LIMIT),
        (RATELIMIT_REMAINING, HeaderValue::from_static(left)),
        (RATELIMIT_RESET, HeaderValue::from(reset)),
    ]);
    response
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
}

/// The header's value; empty when there is none.
fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
