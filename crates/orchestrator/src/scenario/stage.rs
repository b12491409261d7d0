//! Everything that a scenario needs.

use std::collections::BTreeMap;

use mgm_service::services::ServiceId;
use mgm_twitch::eventsub::SigningSecret;
use secrecy::SecretString;

use crate::http::Endpoint;

/// Who plays the viewer.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The Twitch id.
    pub user_id: String,
    /// The login, which is also shown.
    pub login: String,
    /// The name in the game.
    pub character: String,
}

/// Everything that a scenario needs.
#[derive(Debug)]
pub struct Stage {
    /// The services that speak HTTP.
    pub endpoints: BTreeMap<ServiceId, Endpoint>,
    /// Who it is about.
    pub viewer: Viewer,
    /// The desktop program's key.
    pub api_key: SecretString,
    /// The channel.
    pub broadcaster_id: String,
    /// The secret that signs chat messages; none when the services do not check.
    pub event_sub_secret: Option<SigningSecret>,
    /// Whether the backend is told to ask nobody who subscribes.
    pub skips_subscriber_check: bool,
    /// The id of the chat message.
    pub message_id: String,
}

impl Stage {
    pub(super) fn endpoint(&self, service: ServiceId) -> &Endpoint {
        &self.endpoints[&service]
    }
}
