//! The caller and their permissions: the rules of Helix (<https://dev.twitch.tv/docs/api/reference/>), enforced in a
//! strict world.

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use crate::call::{Answer, CLIENT_ID, bad_request, text, unauthorized};
use crate::world::State;
use crate::world::eventsub::Owner;
use crate::world::token_store::{Access, Holder};

/// The caller. Without the rules, anybody may call anything.
#[derive(Debug)]
pub(crate) enum Caller {
    /// The rules are not enforced; has the token's access if the token is known.
    Anybody(Option<Access>),
    /// The rules are enforced.
    Known(Access),
    /// The front end of the Extension with this client id, for one of its viewers: as a user without scopes.
    FrontEnd(String),
}

impl Caller {
    /// Checks the token and the client id.
    pub(crate) fn of(state: &State, headers: &HeaderMap) -> Result<Self, Answer> {
        let (token, client_id) = (bearer(headers), text(headers, CLIENT_ID));
        if !state.strict {
            let token = token.or_else(|| helix_token(headers)).unwrap_or_default();
            let caller = || Self::Anybody(state.access(&token).cloned());
            return state.is_good(&token).then(caller).ok_or_else(|| unauthorized("Invalid OAuth token"));
        }
        let front_end = helix_token(headers);
        if token.is_none() && front_end.is_none() {
            return Err(unauthorized("OAuth token is missing"));
        }
        if client_id.trim().is_empty() {
            return Err(unauthorized("Client-Id header is missing"));
        }
        if let Some(token) = front_end {
            let is_valid = state.is_helix_token(client_id.trim(), &token);
            let caller = || Self::FrontEnd(client_id.trim().to_owned());
            return is_valid.then(caller).ok_or_else(|| unauthorized("JWT could not be verified"));
        }
        let token = token.unwrap_or_default();
        let access = state.access(&token).ok_or_else(|| unauthorized("Invalid OAuth token"))?;
        if !access.is_of(client_id.trim()) {
            return Err(unauthorized("Client ID and OAuth token do not match"));
        }
        Ok(Self::Known(access.clone()))
    }

    /// The client id, if the rules are enforced.
    pub(crate) fn client(&self) -> &str {
        match self {
            Self::Anybody(_) => "",
            Self::Known(access) => &access.client_id,
            Self::FrontEnd(client_id) => client_id,
        }
    }

    /// The token's user, if it is known to be a user token.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Known(Access { holder: Holder::User { id, .. }, .. })
            | Self::Anybody(Some(Access { holder: Holder::User { id, .. }, .. })) => Some(id),
            Self::Known(_) | Self::Anybody(_) | Self::FrontEnd(_) => None,
        }
    }

    /// Whether it is an app token, if the rules are enforced.
    pub(crate) fn is_app(&self) -> bool {
        matches!(self, Self::Known(Access { holder: Holder::App, .. }))
    }

    /// Whether the token has this scope.
    pub(crate) fn has(&self, scope: &str) -> bool {
        match self {
            Self::Anybody(_) => true,
            Self::Known(Access { holder: Holder::App, .. }) | Self::FrontEnd(_) => false,
            Self::Known(Access { holder: Holder::User { scopes, .. }, .. }) => scopes.iter().any(|one| one == scope),
        }
    }

    /// Requires a user token with one of these scopes.
    pub(crate) fn needs_user(&self, scopes: &[&str]) -> Result<(), Answer> {
        if self.is_app() {
            return Err(unauthorized("Missing User OAUTH Token"));
        }
        if scopes.iter().any(|scope| self.has(scope)) { Ok(()) } else { Err(missing_scope(&scopes.join(" or "))) }
    }

    /// Requires that a parameter is the token's own user.
    pub(crate) fn needs_to_be(&self, parameter: &str, id: &str) -> Result<(), Answer> {
        match self {
            Self::Known(Access { holder: Holder::User { id: user, .. }, .. }) if user != id => Err(unauthorized(
                &format!("The ID in {parameter} must match the user ID found in the request's OAuth token."),
            )),
            Self::Anybody(_) | Self::Known(_) | Self::FrontEnd(_) => Ok(()),
        }
    }

    /// Requires an app token; without the rules, refuses only a token that is known to be a user's.
    pub(crate) fn needs_app(&self) -> Result<(), Answer> {
        if self.user().is_some() || matches!(self, Self::FrontEnd(_)) {
            return Err(bad_request("invalid transport and auth combination"));
        }
        Ok(())
    }

    /// Whose EventSub subscriptions the caller sees. Without the rules, only a token that is known to be a user's narrows
    /// them.
    pub(crate) fn owner(&self) -> Result<Owner<'_>, Answer> {
        match (self, self.user()) {
            (_, Some(user)) => Ok(Owner::User(self.client(), user)),
            (Self::Known(_), None) => Ok(Owner::Client(self.client())),
            (Self::Anybody(_), None) => Ok(Owner::Anybody),
            (Self::FrontEnd(_), None) => Err(bad_request("invalid transport and auth combination")),
        }
    }

    /// Requires the token of a moderator, whom `moderator_id` names.
    pub(crate) fn needs_moderator(&self, state: &State, moderator: &str, broadcaster: &str) -> Result<(), Answer> {
        self.needs_to_be("moderator_id", moderator)?;
        if matches!(self, Self::Known(_)) && !state.moderates(moderator, broadcaster) {
            let message = "The user in moderator_id is not one of the broadcaster's moderators.";
            return Err(Answer::error(StatusCode::FORBIDDEN, message));
        }
        Ok(())
    }

    /// Whether the sender may write in the chat: with their own user token, or with an app token and what both users
    /// have granted.
    pub(crate) fn may_write(&self, state: &State, sender: &str, broadcaster: &str) -> Result<(), Answer> {
        let access = match self {
            Self::Anybody(_) => return Ok(()),
            Self::FrontEnd(_) => return Err(missing_scope("user:write:chat")),
            Self::Known(access) => access,
        };
        if let Holder::User { .. } = access.holder {
            return self.needs_to_be("sender_id", sender);
        }
        let has_granted = |id: &str, scope| state.has_granted(&access.client_id, id, scope);
        for scope in ["user:write:chat", "user:bot"] {
            if !has_granted(sender, scope) {
                return Err(missing_scope(scope));
            }
        }
        let may_speak = state.moderates(sender, broadcaster) || has_granted(broadcaster, "channel:bot");
        if may_speak { Ok(()) } else { Err(missing_scope("channel:bot")) }
    }
}

fn missing_scope(scope: &str) -> Answer {
    unauthorized(&format!("Missing scope: {scope}"))
}

/// The token of the `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    credentials(headers, "bearer")
}

/// The token of the helper of an Extension's front end
/// (<https://dev.twitch.tv/docs/extensions/frontend-api-usage/>).
fn helix_token(headers: &HeaderMap) -> Option<String> {
    credentials(headers, "extension")
}

fn credentials(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let authorization = text(headers, AUTHORIZATION.as_str());
    let (scheme, token) = authorization.split_once(' ')?;
    (scheme.eq_ignore_ascii_case(wanted) && !token.trim().is_empty()).then(|| token.trim().to_owned())
}
