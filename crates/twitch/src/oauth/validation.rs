//! Validates tokens (<https://dev.twitch.tv/docs/authentication/validate-tokens/>). Needs no client secret.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};
use mgm_http_client::{ClientError, Exchange};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{OAuthBaseUrl, TokenError};
use crate::call::{self, exchange, read};
use crate::tolerant;

/// A client that validates tokens at the token service.
#[derive(Clone, Debug)]
pub struct Validator {
    http: reqwest::Client,
    base_url: OAuthBaseUrl,
    timeout: Duration,
}

/// Twitch's answer about a valid token. Each part is absent if Twitch does not provide it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Validation {
    /// The client that the token was issued to.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub client_id: Option<String>,
    /// The user that the token belongs to; a client's own token has none.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub user_id: Option<String>,
    /// The granted scopes.
    #[serde(default, deserialize_with = "tolerant::one_or_many")]
    pub scopes: Option<Vec<String>>,
}

impl Validator {
    /// A client of the service at `base_url`. Every call takes at most `timeout`.
    pub fn new(base_url: OAuthBaseUrl, timeout: Duration) -> Result<Self, ClientError> {
        let http = call::client(base_url.as_url(), timeout)?;
        Ok(Self { http, base_url, timeout })
    }

    /// What a token may be used for; `None` if it is void.
    pub async fn validate(&self, token: &SecretString) -> Result<Option<Validation>, TokenError> {
        let mut authorization = HeaderValue::from_str(&format!("OAuth {}", token.expose_secret()))
            .map_err(|_| TokenError::Unavailable("the token is not allowed in a header".to_owned()))?;
        authorization.set_sensitive(true);
        let request = self.http.get(self.base_url.endpoint("oauth2/validate")).header(AUTHORIZATION, authorization);
        match exchange("validate_token", request.timeout(self.timeout)).await {
            Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => Err(TokenError::Unavailable(reason)),
            Exchange::Complete { status: StatusCode::OK, body, .. } => Ok(Some(read(&body).unwrap_or_default())),
            Exchange::Complete { status: StatusCode::UNAUTHORIZED, .. } => Ok(None),
            Exchange::Complete { status, .. } => Err(TokenError::Unavailable(format!("it answered {status}"))),
        }
    }
}
