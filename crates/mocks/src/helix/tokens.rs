//! Twitch's token service (<https://dev.twitch.tv/docs/authentication/>), and which tokens are good.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use mgm_api_types::mocks::FaultRoute;
use serde_json::json;
use url::form_urlencoded;

use super::answer::Answer;
use super::{Helix, text};

/// How many tokens of each kind are remembered.
const CAPACITY: usize = 1000;

/// The scopes of a user's token.
const SCOPES: [&str; 4] = ["channel:read:subscriptions", "user:bot", "user:read:chat", "user:write:chat"];

/// What is known of tokens. Any access token is good until `POST /tokens/expire`; from then on only those are that were
/// given out since.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Access tokens that were given out and are good.
    issued: VecDeque<(String, Holder)>,
    /// Refresh tokens that were used: each is good once.
    used: VecDeque<String>,
    have_expired: bool,
}

/// Whose an access token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The client's own.
    App,
    /// The broadcaster's.
    User,
}

impl Tokens {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an access token is good.
    pub(super) fn is_good(&self, token: &str) -> bool {
        let known = self.known();
        !known.have_expired || known.holder(token).is_some()
    }

    /// Whose token it is, where it was given out here.
    pub(super) fn holder(&self, token: &str) -> Option<Holder> {
        self.known().holder(token)
    }

    /// Ends every access token there is.
    pub(super) fn expire(&self) {
        let mut known = self.known();
        known.issued.clear();
        known.have_expired = true;
    }

    pub(super) fn reset(&self) {
        *self.known() = Known::default();
    }

    fn issue(&self, token: &str, holder: Holder) {
        remember(&mut self.known().issued, (token.to_owned(), holder));
    }

    /// Uses up a refresh token; false when that has happened before.
    fn use_up(&self, refresh: &str) -> bool {
        let used = &mut self.known().used;
        let is_good = !used.iter().any(|other| other == refresh);
        if is_good {
            remember(used, refresh.to_owned());
        }
        is_good
    }
}

impl Known {
    fn holder(&self, token: &str) -> Option<Holder> {
        self.issued.iter().find(|(other, _)| other == token).map(|(_, holder)| *holder)
    }
}

fn remember<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() == CAPACITY {
        all.pop_front();
    }
    all.push_back(one);
}

/// `POST /oauth2/token`: <https://dev.twitch.tv/docs/authentication/refresh-tokens/> and
/// <https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#client-credentials-grant-flow>.
pub(super) async fn token(State(helix): State<Arc<Helix>>, body: Bytes) -> Response {
    let grant = || grant(&helix, &body);
    helix.faults.next(FaultRoute::Token).apply(grant, Answer::ok(json!({}))).await
}

fn grant(helix: &Helix, body: &[u8]) -> Answer {
    let field = |name: &str| {
        let value = form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        value.filter(|value| !value.is_empty())
    };
    let refused = |message: &str| Answer::error(StatusCode::BAD_REQUEST, message);
    if field("client_id").is_none() {
        return refused("missing client id");
    }
    if field("client_secret").is_none() {
        return refused("missing client secret");
    }
    match field("grant_type").as_deref() {
        Some("client_credentials") => {
            let access = helix.config.sources.token();
            helix.tokens.issue(&access, Holder::App);
            Answer::ok(json!({"access_token": access, "expires_in": 5_011_271, "token_type": "bearer"}))
        }
        Some("refresh_token") => match field("refresh_token") {
            None => refused("missing refresh token"),
            Some(refresh) if !helix.tokens.use_up(&refresh) => refused("Invalid refresh token"),
            Some(_) => {
                let (access, refresh) = (helix.config.sources.token(), helix.config.sources.token());
                helix.tokens.issue(&access, Holder::User);
                Answer::ok(json!({
                    "access_token": access,
                    "expires_in": 14_124,
                    "refresh_token": refresh,
                    "scope": SCOPES,
                    "token_type": "bearer",
                }))
            }
        },
        Some(_) => refused("unsupported grant type"),
        None => refused("missing grant type"),
    }
}

/// `GET /oauth2/validate`: <https://dev.twitch.tv/docs/authentication/validate-tokens/>. The scheme is `OAuth` or `Bearer`.
pub(super) async fn validate(State(helix): State<Arc<Helix>>, headers: HeaderMap) -> Response {
    let authorization = text(&headers, AUTHORIZATION.as_str());
    let token = authorization.split_once(' ').map_or("", |(_, token)| token.trim());
    if token.is_empty() {
        return Answer::error(StatusCode::UNAUTHORIZED, "missing authorization token").into_response();
    }
    if !helix.tokens.is_good(token) {
        return Answer::error(StatusCode::UNAUTHORIZED, "invalid access token").into_response();
    }
    let answer = match helix.tokens.holder(token) {
        Some(Holder::App) => json!({"client_id": "client", "scopes": null, "expires_in": 5_011_271}),
        Some(Holder::User) | None => json!({
            "client_id": "client",
            "login": "streamer",
            "scopes": SCOPES,
            "user_id": "streamer",
            "expires_in": 14_124,
        }),
    };
    Answer::ok(answer).into_response()
}

/// `POST /tokens/expire`.
pub(super) async fn expire(State(helix): State<Arc<Helix>>) -> StatusCode {
    helix.tokens.expire();
    StatusCode::NO_CONTENT
}
