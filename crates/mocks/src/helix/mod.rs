//! MockHelixApi replaces Twitch's REST interface (<https://dev.twitch.tv/docs/api/reference/>), its token service
//! (`oauth/`) and the server of EventSub subscriptions. Its data is a world (`world/`), which tests change by `/admin`
//! (`admin/`). `docs/mocks.md` describes all of it by example.
//!
//! Every endpoint that only reads or changes the world is a rule: a function of the world, the caller and the
//! parameters.
//!
//! # Tokens
//!
//! In a world that is not strict, any refresh token is accepted, and any access token until `POST /tokens/expire`,
//! whoever's it is. In a strict one (from a fixture, or with `MockHelix__StrictAuth`), a call needs a user token or an
//! app token, a granted scope, and ids that are those of the token's user:
//!
//! | route | token | scope | whose |
//! | --- | --- | --- | --- |
//! | `GET authorization/users` | the client's | | |
//! | `GET users` | either | `user:read:email` for the own address | |
//! | `GET channels` | either | | |
//! | `GET subscriptions` | a user's | `channel:read:subscriptions` | `broadcaster_id` |
//! | `GET subscriptions/user` | a user's | `user:read:subscriptions` | `user_id` |
//! | both of these | an Extension's own | `channel:read:subscriptions` of the broadcaster | |
//! | `POST chat/messages` | a user's | `user:write:chat` | `sender_id` |
//! | | the client's | `user:write:chat`, `user:bot` of the sender; `channel:bot` of another broadcaster, unless the sender moderates there | |
//! | `GET chat/chatters` | a user's | `moderator:read:chatters` | `moderator_id`, who moderates there |
//! | `GET chat/settings` | either | `moderator:read:chat_settings` for all of them | `moderator_id` |
//! | `PATCH chat/settings` | a user's | `moderator:manage:chat_settings` | `moderator_id`, who moderates there |
//! | `GET moderation/moderators` | a user's | `moderation:read` or `channel:manage:moderators` | `broadcaster_id` |
//! | `eventsub/subscriptions` by webhook | the client's | what the type asks for; for chats also `user:bot` of the reader and `channel:bot` of another broadcaster, unless the reader moderates there | |
//! | … over a WebSocket | a user's | what the type asks for | the user whom the type asks |
//! | `extensions/…` | one that the Extension's backend has signed | | `extension_id` |
//!
//! Where a user's token without scopes will do, so does the `helixToken` of an Extension's front end
//! (`Authorization: Extension …`), which MockExtensionJwt issues.
//!
//! # EventSub
//!
//! `GET`, `POST` and `DELETE eventsub/subscriptions` work as Twitch's do, with a hundred per page or `first`. A new one
//! is `webhook_callback_verification_pending` until its callback, which is sent a challenge signed with the
//! subscription's secret, has answered correctly or failed to; one over a WebSocket (`GET /ws`) is enabled at once.
//! `POST /eventsub/revoke` `{"status": "authorization_revoked", "id": …}` ends one (without an `id` the newest enabled
//! one), notifies its callback or its WebSocket, and answers `{id, status, callbackStatus}`. What happens on Twitch
//! (`events/`) is delivered by webhook (`delivery/`) or over a WebSocket (`websocket/`).
//!
//! # Faults
//!
//! Before an endpoint is called, its layer asks for the fault that waits (`faults/`); `party.rs` says what faults need to
//! know of Twitch.

mod args;
mod authorization;
mod caller;
mod channels;
mod chat;
mod chat_settings;
mod chatters;
mod eventsub;
mod extensions;
mod moderators;
mod party;
mod rate_limit;
mod removed;
mod subscribe;
mod subscriptions;
mod users;
mod websocket;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, any, get, on, post};
use axum::{Json, Router};
use http::{Method, StatusCode, Uri};
use mgm_api_types::mocks::{LastRequest, SentMessages};
use mgm_service::services::ServiceId;
use mgm_settings::Settings;
use mgm_system::{Clock, RandomSource, SystemClock};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

pub use args::HelixArgs;
use caller::Caller;
use party::Twitch;

use crate::call::{Answer, Call, MockTwitch, Parameters};
use crate::error::Refusal;
use crate::faults::{Injector, inject};
use crate::journal::Journal;
use crate::matching::{Matcher, caller_and, caller_of};
use crate::program::{RunError, listen};
use crate::shell::Shell;
use crate::world::{self, Fixture, FixtureError, World};
use crate::{admin, oauth};

/// The configuration of the stand-in.
#[derive(Clone, Debug)]
pub struct HelixConfig {
    /// Whether Twitch's rules for tokens, scopes and identities are enforced.
    pub strict: bool,
    /// The initial state of the world.
    pub fixture: Fixture,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
    /// The source of ids and tokens.
    pub random: Arc<RandomSource>,
}

impl HelixConfig {
    /// The strict world of `MockHelix__Fixture`; without it the world of the settings, which is strict if
    /// `MockHelix__StrictAuth` says so.
    pub fn from_settings(settings: &Settings) -> Result<Self, FixtureError> {
        let (strict, mut fixture) = match &settings.mock_helix.fixture {
            Some(path) => (true, Fixture::read(path)?),
            None => (settings.mock_helix.strict_auth, Fixture::from_settings(settings)),
        };
        settings.mock_helix.callbacks.iter().cloned().for_each(|mapped| fixture.callbacks.add(mapped));
        Ok(Self { strict, fixture, clock: Arc::new(SystemClock), random: Arc::new(RandomSource::from_system()) })
    }

    /// The state that begins with this.
    pub(crate) fn into_twitch(self) -> Arc<MockTwitch> {
        let Self { strict, fixture, clock, random } = self;
        let journal = Journal::new(Arc::clone(&clock));
        Arc::new(MockTwitch::new(World::new(fixture, strict, clock, Arc::clone(&random)), random, journal))
    }
}

/// Runs the service until `shutdown`.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), RunError> {
    listen(ServiceId::MockHelix, settings, router_of(twitch(settings)?), shutdown).await
}

/// The state that the settings ask for.
pub(crate) fn twitch(settings: &Settings) -> Result<Arc<MockTwitch>, FixtureError> {
    let config = HelixConfig::from_settings(settings)?;
    if settings.mock_helix.fixture.is_none() && config.strict && settings.twitch.broadcaster_access_token.is_none() {
        tracing::warn!(
            "MockHelix__StrictAuth is on and Twitch__BroadcasterAccessToken is not set: only tokens that are given out \
             here are good"
        );
    }
    Ok(config.into_twitch())
}

/// The service's routes: Helix' below `/helix`, and again below `/mock` as in the official tool, and EventSub's also at
/// the root; the token service's below `/oauth2` and `/auth`.
pub fn router(config: HelixConfig) -> Router {
    router_of(config.into_twitch())
}

/// The same with a state that other stand-ins share.
pub(crate) fn router_of(helix: Arc<MockTwitch>) -> Router {
    let journal = helix.journal.clone();
    let forgetful = Arc::clone(&helix);
    let injector = Injector { faults: helix.faults.clone(), party: Arc::new(Twitch(Arc::clone(&helix))) };
    Shell {
        routes: Router::new()
            .merge(endpoints("/helix"))
            .merge(endpoints("/mock"))
            .route(EVENTSUB, eventsub())
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(injector.clone(), inject))
            .layer(from_fn_with_state(Arc::clone(&helix), rate_limit::limit))
            .merge(oauth::routes().layer(from_fn_with_state(injector.clone(), inject)))
            .route("/ws", get(websocket::get))
            .with_state(Arc::clone(&helix)),
        control: Router::new()
            .route("/last-request", get(last_request))
            .route("/sent", get(sent))
            .route("/tokens/expire", post(expire_tokens))
            .route("/eventsub/revoke", post(eventsub::revoke))
            .merge(admin::routes())
            .with_state(helix),
        id: ServiceId::MockHelix,
        from_browsers: true,
        journal,
        injector,
        reset: move |caller: Option<&Matcher>| forgetful.reset(caller),
    }
    .router()
}

const EVENTSUB: &str = "/eventsub/subscriptions";

/// An endpoint, as a function of the world, the caller and the parameters.
type Rule = fn(&mut world::State, &Caller, &Parameters) -> Result<Answer, Answer>;

/// An endpoint for an Extension's backend, as a function of the world, the Extension's id and the parameters.
type ExtensionRule = fn(&mut world::State, &str, &Parameters) -> Result<Answer, Answer>;

/// Helix' routes, below a prefix.
fn endpoints(prefix: &str) -> Router<Arc<MockTwitch>> {
    use MethodFilter as On;

    let endpoints = [
        ("/authorization/users", by(On::GET, authorization::get)),
        ("/users", by(On::GET, users::get)),
        ("/channels", by(On::GET, channels::get)),
        ("/chat/messages", post(chat::send)),
        ("/chat/chatters", by(On::GET, chatters::get)),
        ("/chat/settings", by(On::GET, chat_settings::get)),
        ("/chat/settings", by(On::PATCH, chat_settings::update)),
        ("/moderation/moderators", by(On::GET, moderators::get)),
        ("/subscriptions", by(On::GET, subscriptions::of_broadcaster)),
        ("/subscriptions/user", by(On::GET, subscriptions::of_viewer)),
        (EVENTSUB, eventsub()),
        ("/extensions/configurations", by_extension(On::GET, extensions::configuration)),
        ("/extensions/configurations", by_extension(On::PUT, extensions::configure)),
        ("/extensions/required_configuration", by_extension(On::PUT, extensions::required)),
        ("/extensions/pubsub", by_extension(On::POST, extensions::publish)),
        ("/extensions/chat", by_extension(On::POST, extensions::say)),
        ("/extensions/jwt/secrets", by_extension(On::GET, extensions::secrets)),
        ("/extensions/jwt/secrets", by_extension(On::POST, extensions::new_secret)),
        ("/{*elsewhere}", any(nothing_here)),
    ];
    let add = |router: Router<_>, (path, endpoint)| router.route(&format!("{prefix}{path}"), endpoint);
    endpoints.into_iter().fold(Router::new(), add)
}

fn eventsub() -> MethodRouter<Arc<MockTwitch>> {
    get(eventsub::list).post(eventsub::create).delete(eventsub::delete)
}

/// The handler of a rule.
fn by(method: MethodFilter, rule: Rule) -> MethodRouter<Arc<MockTwitch>> {
    on(method, async move |State(helix): State<Arc<MockTwitch>>, call: Call| {
        ask(&helix, &call, rule).unwrap_or_else(|refusal| refusal)
    })
}

/// The handler of a rule for an Extension's backend.
fn by_extension(method: MethodFilter, rule: ExtensionRule) -> MethodRouter<Arc<MockTwitch>> {
    on(method, async move |State(helix): State<Arc<MockTwitch>>, call: Call| {
        let mut state = helix.world.enter();
        let extension = extensions::of(&state, &call.headers);
        extension.and_then(|id| rule(&mut state, &id, &call.parameters)).unwrap_or_else(|refusal| refusal)
    })
}

async fn nothing_here(method: Method, uri: Uri) -> Answer {
    let nothing = || Answer::error(StatusCode::NOT_FOUND, &format!("There is nothing at {}", uri.path()));
    removed::answer(&method, uri.path()).unwrap_or_else(nothing)
}

async fn wrong_method(method: Method, uri: Uri) -> Answer {
    Answer::error(StatusCode::METHOD_NOT_ALLOWED, &format!("{method} is not possible at {}", uri.path()))
}

/// `GET /last-request`: of any caller, or of the one that the query names.
async fn last_request(
    State(helix): State<Arc<MockTwitch>>,
    RawQuery(query): RawQuery,
) -> Result<Json<LastRequest>, Refusal> {
    Ok(Json(helix.sent.last_request(caller_of(query.as_deref())?.as_ref())))
}

/// `GET /sent`: of all callers, or of the one that the query names.
/// With `since`, only those after the total was that.
async fn sent(State(helix): State<Arc<MockTwitch>>, RawQuery(query): RawQuery) -> Result<Json<SentMessages>, Refusal> {
    let query = query.unwrap_or_default();
    let caller = caller_and(Some(&query), &["since"])?;
    let mut sent = helix.sent.messages(caller.as_ref());
    if let Some((_, since)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "since") {
        let since = since.parse().map_err(|_| Refusal::invalid("since: it is a number"))?;
        sent.messages = sent.since(since).to_vec();
    }
    Ok(Json(sent))
}

/// `POST /tokens/expire`.
async fn expire_tokens(State(helix): State<Arc<MockTwitch>>) -> StatusCode {
    helix.world.enter().expire_tokens();
    StatusCode::NO_CONTENT
}

/// Applies a rule for the caller.
fn ask(twitch: &MockTwitch, call: &Call, rule: Rule) -> Result<Answer, Answer> {
    let mut state = twitch.world.enter();
    let caller = Caller::of(&state, &call.headers)?;
    rule(&mut state, &caller, &call.parameters)
}
