//! What the broadcaster's token needs, and what it lacks.

use mgm_twitch::{
    helix::{CHAT_SCOPE, CHAT_SUBSCRIPTION_SCOPES, SUBSCRIPTIONS_SCOPE},
    oauth::Validation,
};

use crate::config::BackendConfig;

/// What this backend's calls need of the token.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    client_id: String,
    broadcaster: String,
    scopes: Vec<Scope>,
}

/// A scope, and the consequence of its absence.
#[derive(Debug, Clone, Copy)]
struct Scope {
    name: &'static str,
    without: &'static str,
}

/// The problems of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The scopes that it lacks; `None` if Twitch does not say which it has.
    pub missing_scopes: Option<Vec<&'static str>>,
    /// All its problems, for the log: names of settings, and no values.
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

    /// Compares Twitch's validation of the token with the needs.
    pub(super) fn check(&self, token: &Validation) -> Findings {
        let mut warnings = Vec::new();
        let mut warn = |what: &str| warnings.push(format!("Twitch__BroadcasterAccessToken {what}"));
        match &token.user_id {
            Some(user) if *user != self.broadcaster => {
                warn("is another user's than Twitch__BroadcasterUserId: Twitch refuses every call with it");
            }
            // If there is no client id either, Twitch said nothing about the token; otherwise it is an app token.
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

    /// The finding for an invalid token that cannot be renewed.
    pub(super) fn void() -> Findings {
        let warning = "Twitch no longer accepts Twitch__BroadcasterAccessToken: set a new one and restart, or set \
                       Twitch__BroadcasterRefreshToken and Twitch__HelixClientSecret too";
        Findings { missing_scopes: None, warnings: vec![warning.to_owned()] }
    }
}
