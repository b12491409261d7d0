//! Authentication: extractors that come before all others of a handler.

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use mgm_api_types::API_KEY_HEADER;
use mgm_domain::ViewerId;
use mgm_settings::ExtensionClientId;
use mgm_system::Clock;
use mgm_twitch::extension_jwt::{ExtensionKeys, ExtensionToken};
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use super::{error::ApiError, limits::RequestLimits};
use crate::{
    config::channel::{Elsewhere, ServedChannel},
    text::display_name,
};

/// The streamer's desktop program, or the operator: whoever has the key.
///
/// Without the header 401 `unauthorized`, with another key 401 `forbidden_apikey`.
#[derive(Debug, Clone, Copy)]
pub struct Desktop;

/// The desktop keys that are accepted. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DesktopKeys(Arc<[SecretString]>);

impl FromIterator<SecretString> for DesktopKeys {
    fn from_iter<I: IntoIterator<Item = SecretString>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl DesktopKeys {
    /// Whether the headers contain one of the keys.
    pub(super) fn unlock(&self, headers: &HeaderMap) -> bool {
        let Some(given) = headers.get(API_KEY_HEADER) else {
            return false;
        };
        // Every key is compared, so that the time taken reveals nothing about how close a guess was.
        let accepted = self.0.iter().map(|key| key.expose_secret().as_bytes().ct_eq(given.as_bytes()));
        accepted.fold(Choice::from(0), |any, one| any | one).into()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Desktop
where
    DesktopKeys: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if DesktopKeys::from_ref(state).unlock(&parts.headers) {
            Ok(Self)
        } else if parts.headers.contains_key(API_KEY_HEADER) {
            Err(ApiError::ForbiddenApiKey)
        } else {
            Err(ApiError::Unauthorized("the desktop key is missing"))
        }
    }
}

/// The sender of a valid Extension token, with or without a shared identity.
///
/// Rejections: 401 `unauthorized` if the token is missing, expired, forged, for another Extension or, in Production,
/// without a channel; 403 `wrong_channel` for another channel's; 429 `rate_limited` if too frequent.
#[derive(Debug, Clone)]
pub struct Panel(pub ExtensionToken);

/// A viewer who has shared their identity. Rejected like [`Panel`], and with 401 `identity_not_shared`.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Their user id.
    pub id: ViewerId,
    /// The name to show.
    pub display_name: String,
}

/// What is needed to verify Extension tokens and to limit the rate of their senders.
#[derive(Debug)]
pub struct PanelAccess {
    /// The keys that sign the tokens.
    pub keys: ExtensionKeys,
    /// The Extension that the tokens must be for.
    pub extension: Option<ExtensionClientId>,
    /// The channel that the tokens must be for.
    pub channel: ServedChannel,
    /// The clock for their expiry.
    pub clock: Arc<dyn Clock>,
    /// The rate limits of viewers.
    pub limits: Arc<RequestLimits>,
}

impl<S: Send + Sync> FromRequestParts<S> for Panel
where
    Arc<PanelAccess>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let access = Arc::from_ref(state);
        let (token, text) = access.verified(parts)?;
        // A sender without any id is counted by the token: only Twitch can issue another.
        let client = token.viewer_id.as_deref().or(token.opaque_user_id.as_deref()).unwrap_or(text);
        access.count(parts, client)?;
        Ok(Self(token))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer
where
    Arc<PanelAccess>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let access = Arc::from_ref(state);
        let (token, _) = access.verified(parts)?;
        let id = token.viewer_id.ok_or(ApiError::IdentityNotShared)?;
        let id = ViewerId::parse(id).map_err(|_| ApiError::IdentityNotShared)?;
        access.count(parts, id.as_str())?;
        let display_name = display_name(token.display_name.as_deref().unwrap_or(id.as_str()));
        Ok(Self { id, display_name })
    }
}

impl PanelAccess {
    /// The token's verified claims, and its text.
    fn verified<'a>(&self, parts: &'a Parts) -> Result<(ExtensionToken, &'a str), ApiError> {
        let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let text = given
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .ok_or(ApiError::Unauthorized("an Extension token is needed"))?
            .1
            .trim();
        let token = self
            .keys
            .verify(text, self.extension.as_ref().map(ExtensionClientId::as_str), self.clock.now())
            .map_err(|_| ApiError::Unauthorized("the Extension token is not valid"))?;
        match self.channel.check(token.channel_id.as_deref()) {
            Ok(()) => Ok((token, text)),
            Err(Elsewhere::Unnamed) => Err(ApiError::Unauthorized("the Extension token does not name its channel")),
            Err(Elsewhere::Another) => Err(ApiError::WrongChannel),
        }
    }

    fn count(&self, parts: &Parts, client: &str) -> Result<(), ApiError> {
        let limit = if parts.method.is_safe() { &self.limits.viewer_reads } else { &self.limits.viewer_writes };
        limit.check(&client.to_owned()).map_err(ApiError::RateLimited)
    }
}
