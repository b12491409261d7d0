//! OAuth tokens (<https://dev.twitch.tv/docs/authentication/>): renews a user's token
//! (<https://dev.twitch.tv/docs/authentication/refresh-tokens/>), gets a client's own
//! (<https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#client-credentials-grant-flow>), and validates
//! tokens.
//!
//! This module never repeats a request: a refresh token may be valid for one use only.

mod validation;

pub use crate::base_url::OAuthBaseUrl;
pub use validation::{Validation, Validator};

use std::time::Duration;

use http::StatusCode;
use mgm_http_client::{ClientError, Exchange};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::call::{self, error_message, exchange, read_credentials};
use crate::tolerant;

/// A client of the token service. Shows no secret in `Debug`.
#[derive(Clone, Debug)]
pub struct OAuth {
    http: reqwest::Client,
    base_url: OAuthBaseUrl,
    timeout: Duration,
    client_id: String,
    client_secret: SecretString,
}

/// A user's tokens. Neither is shown in `Debug`.
#[derive(Clone, Debug)]
pub struct TokenPair {
    /// The token for Helix calls.
    pub access: SecretString,
    /// The token that renews it.
    pub refresh: SecretString,
}

/// No token was issued. The error never contains one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token, the client id or the client secret is not accepted: 400, 401, 403. Asking again does not help.
    #[error("Twitch answered {status}: {}", .message.as_deref().unwrap_or("no reason given"))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Twitch's explanation.
        message: Option<String>,
    },
    /// No complete answer, or one that says nothing about the token; trying later may help.
    #[error("no valid answer from the token service: {0}")]
    Unavailable(String),
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default, deserialize_with = "tolerant::identifier")]
    access_token: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    refresh_token: Option<String>,
}

impl OAuth {
    /// The token service at `base_url` for one client. Every call takes at most `timeout`.
    pub fn new(
        base_url: OAuthBaseUrl,
        timeout: Duration,
        client_id: &str,
        client_secret: &SecretString,
    ) -> Result<Self, ClientError> {
        let http = call::client(base_url.as_url(), timeout)?;
        Ok(Self { http, base_url, timeout, client_id: client_id.to_owned(), client_secret: client_secret.clone() })
    }

    /// Renews a user's token. The old pair may be void afterwards; if Twitch returns no new refresh token, the old one
    /// stays valid.
    pub async fn refresh(&self, refresh: &SecretString) -> Result<TokenPair, TokenError> {
        let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())];
        let (access, next) = self.token(&grant).await?;
        Ok(TokenPair { access, refresh: next.unwrap_or_else(|| refresh.clone()) })
    }

    /// Identifies an authorisation without revealing it: a digest of the client and of the first refresh token, the one that
    /// was configured. All pairs that descend from that token belong to the same grant.
    #[must_use]
    pub fn grant(&self, first_refresh: &SecretString) -> String {
        let digest = Sha256::new().chain_update(&self.client_id).chain_update([0]);
        hex::encode(digest.chain_update(first_refresh.expose_secret()).finalize())
    }

    /// Gets the client's own token, with its id and secret.
    pub async fn app_token(&self) -> Result<SecretString, TokenError> {
        Ok(self.token(&[("grant_type", "client_credentials")]).await?.0)
    }

    async fn token(&self, grant: &[(&str, &str)]) -> Result<(SecretString, Option<SecretString>), TokenError> {
        let client = [("client_id", self.client_id.as_str()), ("client_secret", self.client_secret.expose_secret())];
        let form: Vec<_> = client.iter().chain(grant).collect();
        let request = self.http.post(self.base_url.endpoint("oauth2/token")).form(&form).timeout(self.timeout);
        match exchange("token", request).await {
            Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => Err(TokenError::Unavailable(reason)),
            Exchange::Complete { status: StatusCode::OK, body, .. } => {
                let answer = read_credentials(body);
                let Some(TokenAnswer { access_token: Some(access), refresh_token }) = answer else {
                    return Err(TokenError::Unavailable("200 without a token".to_owned()));
                };
                Ok((access.into(), refresh_token.map(SecretString::from)))
            }
            Exchange::Complete { status, body, .. } => {
                let message = error_message(&body);
                match status {
                    StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                        Err(TokenError::Refused { status: status.as_u16(), message })
                    }
                    _ => Err(TokenError::Unavailable(format!("it answered {status}"))),
                }
            }
        }
    }
}
