//! MockExtensionJwt replaces Twitch's token issuer: anybody can get a token for any user.
//!
//! `GET /token?userId=…` gives a short token, with the claims `user_id`, `name`, `exp`, and `aud` and `channel_id` if they
//! are configured. With any of `opaque_user_id`, `role` and `is_unlinked` it has the claims of Twitch's own
//! (`jwt/claims.rs`). `flaw` makes it one that no receiver should accept (`jwt/flaw.rs`).
//!
//! `GET /helix-token` gives the token with which the front end of an Extension calls Helix.

mod claims;
mod flaw;
mod query;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use mgm_api_types::mocks::TokenAnswer;
use mgm_service::services::ServiceId;
use mgm_settings::Settings;
use mgm_system::{Clock, RandomSource, SystemClock};
use mgm_twitch::extension_jwt::{ExtensionKeys, ExtensionTokenError};
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::call::MockTwitch;
use crate::error::Refusal;
use crate::faults::{Injector, inject};
use crate::helix;
use crate::journal::Journal;
use crate::matching::Matcher;
use crate::program::{RunError, listen};
use crate::shell::Shell;
use crate::world::Secret;
use crate::world::extensions::helix_keys;
use claims::Claims;
use flaw::{Flaw, sign};
use query::Query;

/// The configuration of the stand-in.
#[derive(Clone, Debug)]
pub struct JwtConfig {
    /// The keys, of which the first signs.
    pub keys: ExtensionKeys,
    /// The short tokens' `aud`.
    pub client_id: Option<String>,
    /// The tokens' `channel_id`; without it a backend accepts them only in Development.
    pub channel_id: Option<String>,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
}

impl JwtConfig {
    /// Reads `Twitch__ExtensionSecret` (default: the development key), `Twitch__ExtensionClientId` and
    /// `Twitch__BroadcasterUserId`.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        let twitch = &settings.twitch;
        Self {
            keys: twitch.extension_secret.clone().unwrap_or_else(ExtensionKeys::development),
            client_id: twitch.extension_client_id.as_ref().map(|id| id.as_str().to_owned()),
            channel_id: twitch.broadcaster_user_id.as_ref().map(ToString::to_string),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Runs the service until `shutdown`. The Extensions of the fixture, if there is one, are known here, too.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), RunError> {
    let twitch = settings.mock_helix.fixture.as_ref().map(|_| helix::twitch(settings)).transpose()?;
    listen(ServiceId::MockJwt, settings, router_of(JwtConfig::from_settings(settings), twitch), shutdown).await
}

/// The service's routes.
pub fn router(config: JwtConfig) -> Router {
    router_of(config, None)
}

/// The same with the Extensions of a world.
pub(crate) fn router_of(config: JwtConfig, twitch: Option<Arc<MockTwitch>>) -> Router {
    let (journal, injector) = (Journal::new(Arc::clone(&config.clock)), Injector::without_rules());
    let issuer = Issuer { config, twitch, random: RandomSource::from_system() };
    Shell {
        routes: Router::new()
            .route("/token", get(token))
            .route("/helix-token", get(helix_token))
            .with_state(Arc::new(issuer))
            .layer(from_fn_with_state(injector.clone(), inject)),
        control: Router::new(),
        from_browsers: false,
        id: ServiceId::MockJwt,
        journal,
        injector,
        reset: |_: Option<&Matcher>| {},
    }
    .router()
}

struct Issuer {
    config: JwtConfig,
    /// The world with the Extensions.
    twitch: Option<Arc<MockTwitch>>,
    random: RandomSource,
}

impl Issuer {
    /// The secrets of the Extension that the query names, the one that signs first; without a name, the configured ones.
    fn secrets(&self, query: &Query) -> Result<Vec<Secret>, Refusal> {
        let Some(extension) = query.one("extension")? else {
            return Ok(self.config.keys.secrets().iter().map(|secret| secret.expose_secret().into()).collect());
        };
        let state = self.twitch.as_ref().map(|twitch| twitch.world.enter());
        let mut secrets = state.map(|state| state.past_secrets(&extension)).unwrap_or_default();
        secrets.reverse();
        if secrets.is_empty() {
            return Err(Refusal::invalid("extension: the world has no Extension with this client id"));
        }
        Ok(secrets)
    }

    /// The secret that is to sign: `current` (the default), or `previous`.
    fn secret(&self, query: &Query) -> Result<Secret, Refusal> {
        let place = match query.one("key")?.as_deref() {
            None | Some("current") => 0,
            Some("previous") => 1,
            Some(_) => return Err(Refusal::invalid("key is current or previous")),
        };
        let secret = self.secrets(query)?.into_iter().nth(place);
        secret.ok_or_else(|| Refusal::invalid("key: there is no previous secret"))
    }

    /// The time by which Helix judges tokens.
    fn world_time(&self) -> OffsetDateTime {
        self.twitch.as_ref().map_or_else(|| self.config.clock.now(), |twitch| twitch.world.enter().now)
    }
}

async fn token(State(issuer): State<Arc<Issuer>>, RawQuery(query): RawQuery) -> Result<Json<TokenAnswer>, Refusal> {
    let query = Query::of(query);
    let config = &issuer.config;
    let claims = if claims::are_twitchs(&query) {
        Claims::of_twitch(&query, config.channel_id.as_deref(), config.clock.now(), &issuer.random)?
    } else {
        Claims::short(&query, config.client_id.as_deref(), config.channel_id.as_deref(), config.clock.now())?
    };
    let flaw = query.one("flaw")?.as_deref().map(Flaw::parse).transpose()?;
    let lifetime = claims.lifetime;
    let signed = sign(claims, flaw, &issuer.secret(&query)?, config.clock.now(), &issuer.random);
    answer(signed, "Bearer", lifetime)
}

async fn helix_token(
    State(issuer): State<Arc<Issuer>>,
    RawQuery(query): RawQuery,
) -> Result<Json<TokenAnswer>, Refusal> {
    let query = Query::of(query);
    let claims = Claims::of_twitch(&query, issuer.config.channel_id.as_deref(), issuer.world_time(), &issuer.random)?;
    let keys = helix_keys(&issuer.secret(&query)?).ok_or(ExtensionTokenError::Unsignable);
    answer(keys.and_then(|keys| keys.sign(&claims)), "Extension", claims.lifetime)
}

fn answer(
    signed: Result<String, ExtensionTokenError>,
    scheme: &str,
    lifetime: u32,
) -> Result<Json<TokenAnswer>, Refusal> {
    let access_token = signed.map_err(|error| {
        tracing::error!(%error, "a token cannot be signed");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the token cannot be signed")
    })?;
    Ok(Json(TokenAnswer { access_token, token_type: scheme.to_owned(), expires_in: lifetime }))
}
