//! The caller and its permissions: the rules of Helix (<https://dev.twitch.tv/docs/api/reference/>), enforced with
//! `MockHelix__StrictAuth`.

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::accounts::Accounts;
use super::answer::Answer;
use super::tokens::{Holder, Kind};
use super::{CLIENT_ID, Helix, text};

/// The caller. Unless the rules are enforced, everybody may call everything.
#[derive(Debug)]
pub(super) enum Caller {
    /// The rules are not enforced; the owner is known only if the token was issued here.
    Anybody(Option<Holder>),
    /// The rules are enforced.
    Known(Holder),
}

impl Helix {
    /// Checks the token and the client id.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Answer> {
        let (token, client_id) = (bearer(headers), text(headers, CLIENT_ID));
        if !self.config.strict_auth {
            let token = token.unwrap_or_default();
            let is_good = self.tokens.is_good(&self.config, &token);
            let caller = || Caller::Anybody(self.tokens.holder(&self.config.accounts, &token));
            return is_good.then(caller).ok_or_else(|| unauthorized("Invalid OAuth token"));
        }
        let token = token.ok_or_else(|| unauthorized("OAuth token is missing"))?;
        if client_id.trim().is_empty() {
            return Err(unauthorized("Client-Id header is missing"));
        }
        let holder = self.tokens.holder(&self.config.accounts, &token);
        let holder = holder.ok_or_else(|| unauthorized("Invalid OAuth token"))?;
        if holder.client_id.as_ref().is_some_and(|issued_to| issued_to != client_id.trim()) {
            return Err(unauthorized("Client ID and OAuth token do not match"));
        }
        Ok(Caller::Known(holder))
    }
}

impl Caller {
    /// Requires a user's token with this scope.
    pub(super) fn needs_user(&self, scope: &str) -> Result<(), Answer> {
        match self {
            Self::Anybody(_) => Ok(()),
            Self::Known(Holder { kind: Kind::App, .. }) => Err(unauthorized("Missing User OAUTH Token")),
            Self::Known(Holder { kind: Kind::User(user), .. }) => {
                if user.has_granted(scope) {
                    Ok(())
                } else {
                    Err(missing_scope(scope))
                }
            }
        }
    }

    /// Requires a parameter to be the token's own user.
    pub(super) fn needs_to_be(&self, parameter: &str, id: &str) -> Result<(), Answer> {
        match self {
            Self::Known(Holder { kind: Kind::User(user), .. }) if user.id != id => Err(unauthorized(&format!(
                "The ID in {parameter} must match the user ID found in the request's OAuth token."
            ))),
            Self::Anybody(_) | Self::Known(_) => Ok(()),
        }
    }

    /// Requires the client's own token: without the rules, too, if a token is known to be a user's.
    pub(super) fn needs_app(&self) -> Result<(), Answer> {
        match self {
            Self::Anybody(Some(Holder { kind: Kind::User(_), .. }))
            | Self::Known(Holder { kind: Kind::User(_), .. }) => {
                Err(Answer::error(StatusCode::BAD_REQUEST, "invalid transport and auth combination"))
            }
            Self::Anybody(_) | Self::Known(_) => Ok(()),
        }
    }

    /// Whether the sender may write to the chat: with their own token, or with the client's if both have granted it.
    pub(super) fn may_write(&self, accounts: &Accounts, sender: &str, broadcaster: &str) -> Result<(), Answer> {
        let Self::Known(holder) = self else { return Ok(()) };
        if let Kind::User(_) = holder.kind {
            return self.needs_to_be("sender_id", sender);
        }
        let has_granted = |id: &str, scope| accounts.user(id).is_some_and(|user| user.has_granted(scope));
        for scope in ["user:write:chat", "user:bot"] {
            if !has_granted(sender, scope) {
                return Err(missing_scope(scope));
            }
        }
        let may_speak = sender == broadcaster || has_granted(broadcaster, "channel:bot");
        if may_speak { Ok(()) } else { Err(missing_scope("channel:bot")) }
    }
}

pub(super) fn unauthorized(message: &str) -> Answer {
    Answer::error(StatusCode::UNAUTHORIZED, message)
}

fn missing_scope(scope: &str) -> Answer {
    unauthorized(&format!("Missing scope: {scope}"))
}

/// The token of the header `Authorization`.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let authorization = text(headers, AUTHORIZATION.as_str());
    let (scheme, token) = authorization.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim().to_owned())
}
