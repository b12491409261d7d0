//! Twitch's token service (<https://dev.twitch.tv/docs/authentication/>): which tokens are valid, whose they are and what
//! they are for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use mgm_api_types::mocks::FaultRoute;
use serde_json::json;
use url::form_urlencoded;

use super::accounts::{Accounts, UserAccount};
use super::answer::Answer;
use super::{Helix, HelixConfig, text};

/// How many tokens of each kind are remembered.
const CAPACITY: usize = 1000;

/// The stated lifetime of a client's token.
const APP_SECONDS: u32 = 5_011_271;
/// The stated lifetime of a user's token.
const USER_SECONDS: u32 = 14_124;

/// What is known about tokens, besides those of the accounts.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Access tokens that were issued and are valid.
    issued: VecDeque<(String, Holder)>,
    /// Refresh tokens that were issued, each with its user.
    refresh: VecDeque<(String, UserAccount)>,
    /// Refresh tokens that were used: each is valid once.
    used: VecDeque<String>,
    have_expired: bool,
}

/// The owner of an access token.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    /// The client that it was issued to, if known.
    pub(super) client_id: Option<String>,
    pub(super) kind: Kind,
}

/// The kind of a token.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The client's own.
    App,
    /// A user's.
    User(UserAccount),
}

impl Tokens {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an access token is valid. Unless the rules are enforced, any is, until `POST /tokens/expire`.
    pub(super) fn is_good(&self, config: &HelixConfig, token: &str) -> bool {
        let any_is = !config.strict_auth && !self.known().have_expired;
        any_is || self.holder(&config.accounts, token).is_some()
    }

    /// The token's owner, if it is valid and known.
    pub(super) fn holder(&self, accounts: &Accounts, token: &str) -> Option<Holder> {
        let known = self.known();
        let issued = known.issued.iter().find(|(other, _)| other == token).map(|(_, holder)| holder.clone());
        issued.or_else(|| {
            let user = accounts.by_access(token).filter(|_| !known.have_expired)?.clone();
            Some(Holder { client_id: accounts.client.as_ref().map(|client| client.id.clone()), kind: Kind::User(user) })
        })
    }

    /// Expires every access token.
    pub(super) fn expire(&self) {
        let mut known = self.known();
        known.issued.clear();
        known.have_expired = true;
    }

    pub(super) fn reset(&self) {
        *self.known() = Known::default();
    }

    fn issue(&self, token: &str, client_id: String, kind: Kind) {
        remember(&mut self.known().issued, (token.to_owned(), Holder { client_id: Some(client_id), kind }));
    }

    /// Exchanges a refresh token for another one; returns its user, or `None` if it is not valid.
    fn exchange(&self, config: &HelixConfig, refresh: &str, next: &str) -> Option<UserAccount> {
        let mut known = self.known();
        if known.used.iter().any(|other| other == refresh) {
            return None;
        }
        let given_out = known.refresh.iter().find(|(other, _)| other == refresh).map(|(_, user)| user.clone());
        let user = given_out.or_else(|| config.accounts.by_refresh(refresh).cloned());
        let user = user.or_else(|| (!config.strict_auth).then(|| config.anybody()))?;
        remember(&mut known.used, refresh.to_owned());
        remember(&mut known.refresh, (next.to_owned(), user.clone()));
        Some(user)
    }
}

fn remember<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() == CAPACITY {
        all.pop_front();
    }
    all.push_back(one);
}

/// `POST /oauth2/token`: <https://dev.twitch.tv/docs/authentication/refresh-tokens/> and
/// <https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#client-credentials-grant-flow>. The parameters are
/// documented as a form, but many clients send them in the query.
pub(super) async fn token(State(helix): State<Arc<Helix>>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let query = query.unwrap_or_default();
    let grant = || grant(&helix, &[&body, query.as_bytes()]).unwrap_or_else(|refusal| refusal);
    helix.faults.next(FaultRoute::Token).apply(grant, Answer::ok(json!({}))).await
}

fn grant(helix: &Helix, parameters: &[&[u8]]) -> Result<Answer, Answer> {
    let HelixConfig { strict_auth, accounts, random, .. } = &helix.config;
    // They look like those of Twitch.
    let token = || random.hex::<16>();
    let field = |name: &str| {
        let mut pairs = parameters.iter().flat_map(|part| form_urlencoded::parse(part));
        pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
    };
    let refused = |message: &str| Answer::error(StatusCode::BAD_REQUEST, message);
    let client_id = field("client_id").ok_or_else(|| refused("missing client id"))?;
    let secret = field("client_secret").ok_or_else(|| refused("missing client secret"))?;
    if *strict_auth && !accounts.is_client(&client_id) {
        return Err(refused("invalid client"));
    }
    if *strict_auth && !accounts.is_client_secret(&secret) {
        return Err(Answer::error(StatusCode::FORBIDDEN, "invalid client secret"));
    }
    match field("grant_type").as_deref() {
        Some("client_credentials") => {
            let access = token();
            helix.tokens.issue(&access, client_id, Kind::App);
            Ok(Answer::ok(json!({"access_token": access, "expires_in": APP_SECONDS, "token_type": "bearer"})))
        }
        Some("refresh_token") => {
            let refresh = field("refresh_token").ok_or_else(|| refused("missing refresh token"))?;
            let (access, next) = (token(), token());
            let user = helix.tokens.exchange(&helix.config, &refresh, &next);
            let user = user.ok_or_else(|| refused("Invalid refresh token"))?;
            let scopes = user.scopes.clone();
            helix.tokens.issue(&access, client_id, Kind::User(user));
            Ok(Answer::ok(json!({
                "access_token": access,
                "expires_in": USER_SECONDS,
                "refresh_token": next,
                "scope": scopes,
                "token_type": "bearer",
            })))
        }
        Some(_) => Err(refused("unsupported grant type")),
        None => Err(refused("missing grant type")),
    }
}

/// `GET /oauth2/validate`: <https://dev.twitch.tv/docs/authentication/validate-tokens/>. The scheme is `OAuth` or `Bearer`.
pub(super) async fn validate(State(helix): State<Arc<Helix>>, headers: HeaderMap) -> Response {
    let authorization = text(&headers, AUTHORIZATION.as_str());
    let token = authorization.split_once(' ').map_or("", |(_, token)| token.trim());
    if token.is_empty() {
        return unauthorized("missing authorization token");
    }
    if !helix.tokens.is_good(&helix.config, token) {
        return unauthorized("invalid access token");
    }
    let accounts = &helix.config.accounts;
    let holder = helix.tokens.holder(accounts, token);
    let Holder { client_id, kind } =
        holder.unwrap_or_else(|| Holder { client_id: None, kind: Kind::User(helix.config.anybody()) });
    let client_id = client_id.or_else(|| accounts.client.as_ref().map(|client| client.id.clone()));
    let client_id = client_id.unwrap_or_else(|| "client".to_owned());
    let answer = match kind {
        Kind::App => json!({"client_id": client_id, "scopes": null, "expires_in": APP_SECONDS}),
        Kind::User(user) => json!({
            "client_id": client_id,
            "login": "streamer",
            "scopes": user.scopes,
            "user_id": user.id,
            "expires_in": USER_SECONDS,
        }),
    };
    Answer::ok(answer).into_response()
}

/// Unlike Helix, this route does not set `error`.
fn unauthorized(message: &str) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    (status, Json(json!({"status": status.as_u16(), "message": message}))).into_response()
}

/// `POST /tokens/expire`.
pub(super) async fn expire(State(helix): State<Arc<Helix>>) -> StatusCode {
    helix.tokens.expire();
    StatusCode::NO_CONTENT
}
