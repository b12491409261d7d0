//! Who asks: extractors, to be taken before anything else of a request.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use mgm_api_types::API_KEY_HEADER;
use mgm_domain::ViewerId;
use mgm_twitch::extension_jwt::ExtensionToken;
use secrecy::ExposeSecret;
use subtle::{Choice, ConstantTimeEq};

use mgm_settings::ExtensionClientId;

use crate::{
    config::{BackendConfig, channel::Elsewhere},
    http::error::ApiError,
    routes::state::AppState,
    text::display_name,
};

/// The streamer's desktop program, or the operator: whoever has the key.
///
/// Without the header 401 `unauthorized`, with another key 401 `forbidden_apikey`.
#[derive(Debug, Clone, Copy)]
pub struct Desktop;

impl FromRequestParts<AppState> for Desktop {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if has_desktop_key(&parts.headers, &state.config) {
            Ok(Self)
        } else if parts.headers.contains_key(API_KEY_HEADER) {
            Err(ApiError::ForbiddenApiKey)
        } else {
            Err(ApiError::Unauthorized("the desktop key is missing"))
        }
    }
}

/// Whether the desktop key, or the one before it, is in the headers.
pub(crate) fn has_desktop_key(headers: &HeaderMap, config: &BackendConfig) -> bool {
    let Some(given) = headers.get(API_KEY_HEADER) else {
        return false;
    };
    // Every key is compared, so that the time taken says nothing of which one came near.
    let accepted = config.settings.mgm.api_keys().map(|key| key.expose_secret().as_bytes().ct_eq(given.as_bytes()));
    accepted.fold(Choice::from(0), |any, one| any | one).into()
}

/// Whoever has a valid Extension token, with or without identity.
///
/// Without one, or with one that is expired, forged or for another Extension, 401 `unauthorized`, as in Production with one
/// that names no channel; of another channel 403 `wrong_channel`; too often 429 `rate_limited`.
#[derive(Debug, Clone)]
pub struct Panel(pub ExtensionToken);

/// A viewer who has shared their identity. Rejected as [`Panel`] is, and 401 `identity_not_shared`.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Who.
    pub id: ViewerId,
    /// The name to show.
    pub display_name: String,
}

impl FromRequestParts<AppState> for Panel {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let (token, text) = verified(parts, state)?;
        // Whoever has no name of any kind is known by the token: only Twitch can make another.
        let client = token.viewer_id.as_deref().or(token.opaque_user_id.as_deref()).unwrap_or(text);
        count(parts, state, client)?;
        Ok(Self(token))
    }
}

impl FromRequestParts<AppState> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let (token, _) = verified(parts, state)?;
        let id = token.viewer_id.ok_or(ApiError::IdentityNotShared)?;
        let id = ViewerId::parse(id).map_err(|_| ApiError::IdentityNotShared)?;
        count(parts, state, id.as_str())?;
        let display_name = display_name(token.display_name.as_deref().unwrap_or(id.as_str()));
        Ok(Self { id, display_name })
    }
}

/// What the token says, and the token itself.
fn verified<'a>(parts: &'a Parts, state: &AppState) -> Result<(ExtensionToken, &'a str), ApiError> {
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let text = given
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .ok_or(ApiError::Unauthorized("an Extension token is needed"))?
        .1
        .trim();
    let config = &state.config;
    let audience = config.settings.twitch.extension_client_id.as_ref().map(ExtensionClientId::as_str);
    let token = config
        .extension_keys
        .verify(text, audience, state.clock.now())
        .map_err(|_| ApiError::Unauthorized("the Extension token is not valid"))?;
    match config.channel.check(token.channel_id.as_deref()) {
        Ok(()) => Ok((token, text)),
        Err(Elsewhere::Unnamed) => Err(ApiError::Unauthorized("the Extension token does not name its channel")),
        Err(Elsewhere::Another) => Err(ApiError::WrongChannel),
    }
}

fn count(parts: &Parts, state: &AppState, client: &str) -> Result<(), ApiError> {
    let limit = if parts.method.is_safe() { &state.limits.viewer_reads } else { &state.limits.viewer_writes };
    limit.check(&client.to_owned()).map_err(ApiError::RateLimited)
}
