//! Everything that a scenario needs.

use std::collections::BTreeMap;

use mgm_service::services::ServiceId;
use mgm_twitch::eventsub::SigningSecret;
use secrecy::SecretString;

use crate::http::Endpoint;

/// The viewer of a scenario.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The Twitch user id.
    pub user_id: String,
    /// The login, also used as the display name.
    pub login: String,
    /// The character name in the game.
    pub character: String,
}

/// Everything that a scenario needs.
#[derive(Debug)]
pub struct Stage {
    /// The services that speak HTTP.
    pub endpoints: BTreeMap<ServiceId, Endpoint>,
    /// The viewer.
    pub viewer: Viewer,
    /// The desktop program's key.
    pub api_key: SecretString,
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The secret that signs chat messages; `None` if the services do not verify.
    pub event_sub_secret: Option<SigningSecret>,
    /// Whether the backend is configured to skip the subscriber check.
    pub skips_subscriber_check: bool,
    /// The id of the chat message.
    pub message_id: String,
}

impl Stage {
    pub(super) fn endpoint(&self, service: ServiceId) -> &Endpoint {
        &self.endpoints[&service]
    }
}
