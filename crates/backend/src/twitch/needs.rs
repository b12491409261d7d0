//! What the broadcaster's token has to be, and what it is wanting in.

use mgm_twitch::{
    helix::{CHAT_SCOPE, CHAT_SUBSCRIPTION_SCOPES, SUBSCRIPTIONS_SCOPE},
    oauth::Validation,
};

use crate::config::BackendConfig;

/// What the calls of this backend need.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    client_id: String,
    broadcaster: String,
    scopes: Vec<Scope>,
}

/// A scope, and what comes of its absence.
#[derive(Debug, Clone, Copy)]
struct Scope {
    name: &'static str,
    without: &'static str,
}

/// What a token is wanting in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The scopes that it lacks; none where Twitch does not say which it has.
    pub missing_scopes: Option<Vec<&'static str>>,
    /// All that is wrong with it, for the log: the names of settings, and no values.
    pub warnings: Vec<String>,
}

impl Needs {
    pub(super) fn new(client_id: &str, config: &BackendConfig) -> Self {
        let mut scopes = vec![Scope { name: CHAT_SCOPE, without: "nothing can be announced in chat" }];
        if !config.settings.mgm.dev_skip_subscriber_check {
            let without =
                "claims and gift requests are answered helix_unavailable, since no subscription can be checked";
            scopes.push(Scope { name: SUBSCRIPTIONS_SCOPE, without });
        }
        if config.twitch.subscription.is_some() {
            let without =
                "Twitch refuses the subscription to chat, unless the broadcaster has granted it in another way";
            scopes.extend(CHAT_SUBSCRIPTION_SCOPES.map(|name| Scope { name, without }));
        }
        Self { client_id: client_id.to_owned(), broadcaster: config.broadcaster.to_string(), scopes }
    }

    /// Holds what Twitch says of the token against them.
    pub(super) fn check(&self, token: &Validation) -> Findings {
        let mut warnings = Vec::new();
        let mut warn = |what: &str| warnings.push(format!("Twitch__BroadcasterAccessToken {what}"));
        match &token.user_id {
            Some(user) if *user != self.broadcaster => {
                warn("is another user's than Twitch__BroadcasterUserId: Twitch refuses every call with it");
            }
            // Where Twitch says nothing of scopes either, it has said nothing at all, or it is a client's own.
            None if token.client_id.is_some() => {
                warn("is not a user's token: Twitch refuses every call with it that is made in the broadcaster's name");
            }
            Some(_) | None => {}
        }
        if token.client_id.as_ref().is_some_and(|client| *client != self.client_id) {
            warn("was issued to another client than Twitch__HelixClientId: Twitch refuses every call with it");
        }
        let missing = token.scopes.as_ref().map(|granted| {
            let lacks = |scope: &&Scope| !granted.iter().any(|granted| granted == scope.name);
            self.scopes.iter().filter(lacks).copied().collect::<Vec<_>>()
        });
        for Scope { name, without } in missing.iter().flatten() {
            warn(&format!("lacks the scope {name}: {without}; authorise the application again with it"));
        }
        let missing_scopes = missing.map(|missing| missing.iter().map(|scope| scope.name).collect());
        Findings { missing_scopes, warnings }
    }

    /// What is found of a token that is void and is not renewed.
    pub(super) fn void() -> Findings {
        let warning = "Twitch no longer accepts Twitch__BroadcasterAccessToken: set a new one and restart, or set \
                       Twitch__BroadcasterRefreshToken and Twitch__HelixClientSecret too";
        Findings { missing_scopes: None, warnings: vec![warning.to_owned()] }
    }
}
