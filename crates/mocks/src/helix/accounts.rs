//! The client and the users that the stand-in knows, from the settings that it shares with the backend.

use mgm_settings::{Settings, Twitch};
use secrecy::{ExposeSecret, SecretString};

/// The client and the users.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// The client; `None`: any name is accepted.
    pub client: Option<ClientAccount>,
    /// The users who have authorised it, the broadcaster first.
    pub users: Vec<UserAccount>,
}

/// A client of Twitch's.
#[derive(Clone, Debug)]
pub struct ClientAccount {
    /// Its id.
    pub id: String,
    /// Its secret; `None`: any is accepted.
    pub secret: Option<SecretString>,
}

/// A user, with the scopes granted to the client.
#[derive(Clone, Debug)]
pub struct UserAccount {
    /// Their id.
    pub id: String,
    /// The scopes that they have granted.
    pub scopes: Vec<String>,
    /// Their access token.
    pub access: Option<SecretString>,
    /// The refresh token for it.
    pub refresh: Option<SecretString>,
}

impl Accounts {
    /// Reads `Twitch__HelixClientId`, `Twitch__HelixClientSecret`, `Twitch__BroadcasterUserId`, the broadcaster's tokens, and
    /// `MockHelix__BroadcasterScopes`.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        let Twitch { helix_client_id, helix_client_secret, .. } = &settings.twitch;
        let client = helix_client_id.clone().map(|id| ClientAccount { id, secret: helix_client_secret.clone() });
        let broadcaster = UserAccount {
            id: settings.broadcaster().to_string(),
            scopes: settings.mock_helix.broadcaster_scopes.clone(),
            access: settings.twitch.broadcaster_access_token.clone(),
            refresh: settings.twitch.broadcaster_refresh_token.clone(),
        };
        Self { client, users: vec![broadcaster] }
    }

    /// Whether this is an accepted client id.
    pub(super) fn is_client(&self, id: &str) -> bool {
        self.client.as_ref().is_none_or(|client| client.id == id)
    }

    /// Whether this is an accepted client secret.
    pub(super) fn is_client_secret(&self, secret: &str) -> bool {
        let known = self.client.as_ref().and_then(|client| client.secret.as_ref());
        known.is_none_or(|known| known.expose_secret() == secret)
    }

    pub(super) fn user(&self, id: &str) -> Option<&UserAccount> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(super) fn by_access(&self, token: &str) -> Option<&UserAccount> {
        self.users.iter().find(|user| is(user.access.as_ref(), token))
    }

    pub(super) fn by_refresh(&self, token: &str) -> Option<&UserAccount> {
        self.users.iter().find(|user| is(user.refresh.as_ref(), token))
    }
}

impl UserAccount {
    pub(super) fn has_granted(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }
}

fn is(known: Option<&SecretString>, token: &str) -> bool {
    known.is_some_and(|known| known.expose_secret() == token)
}
