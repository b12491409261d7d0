//! MockExtensionJwt replaces Twitch's token issuer: anybody can get a token for any user.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use mgm_api_types::mocks::TokenAnswer;
use mgm_service::services::ServiceId;
use mgm_settings::Settings;
use mgm_system::{Clock, SystemClock};
use mgm_twitch::extension_jwt::ExtensionKeys;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use crate::error::Refusal;
use crate::program::{RunError, listen};
use crate::shell::Shell;

/// Lifetime of a token, in seconds.
const LIFE: u32 = 7200;

/// The longest id or name, in bytes, that the backend accepts.
const LONGEST: usize = 256;

/// The configuration of the stand-in.
#[derive(Clone, Debug)]
pub struct JwtConfig {
    /// The keys, of which the first signs.
    pub keys: ExtensionKeys,
    /// The tokens' `aud`.
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

/// Runs the service until `shutdown`.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), RunError> {
    listen(ServiceId::MockJwt, settings, router(JwtConfig::from_settings(settings)), shutdown).await
}

/// The service's routes.
pub fn router(config: JwtConfig) -> Router {
    Shell {
        routes: Router::new().route("/token", get(token)).with_state(Arc::new(config)),
        control: Router::new(),
        from_browsers: false,
        id: ServiceId::MockJwt,
        reset: || {},
    }
    .router()
}

#[derive(Serialize)]
struct Claims<'a> {
    user_id: &'a str,
    name: &'a str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<&'a str>,
}

/// The parameter; `None` if it is blank or missing.
fn parameter(query: &str, name: &str) -> Result<Option<String>, Refusal> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(other, _)| other == name);
    let value = values.next().map(|(_, value)| value.into_owned()).filter(|value| !value.trim().is_empty());
    if values.next().is_some() {
        return Err(Refusal::invalid(format!("{name} must be given once")));
    }
    match value {
        Some(value) if value.len() > LONGEST || value.contains(char::is_control) => {
            Err(Refusal::invalid(format!("{name} must have at most {LONGEST} bytes, and no control characters")))
        }
        value => Ok(value),
    }
}

async fn token(State(config): State<Arc<JwtConfig>>, RawQuery(query): RawQuery) -> Result<Json<TokenAnswer>, Refusal> {
    let query = query.unwrap_or_default();
    let user_id = parameter(&query, "userId")?;
    let user_id = user_id.ok_or_else(|| Refusal::invalid("the query has to have a userId"))?;
    let display_name = parameter(&query, "displayName")?;
    let claims = Claims {
        user_id: &user_id,
        name: display_name.as_ref().unwrap_or(&user_id),
        exp: config.clock.now().unix_timestamp() + i64::from(LIFE),
        aud: config.client_id.as_deref(),
        channel_id: config.channel_id.as_deref(),
    };
    let access_token = config.keys.sign(&claims).map_err(|error| {
        tracing::error!(%error, "a token cannot be signed");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the token cannot be signed")
    })?;
    Ok(Json(TokenAnswer { access_token, token_type: "Bearer".to_owned(), expires_in: LIFE }))
}
