//! Everything that a scenario needs.

use std::collections::BTreeMap;

use mgm_service::services::ServiceId;
use mgm_twitch::eventsub::SigningSecret;
use secrecy::{ExposeSecret as _, SecretString};

use super::values::Values;
use crate::http::Endpoint;
use crate::stack::Stack;

/// A viewer of a scenario.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The Twitch user id.
    pub user_id: String,
    /// The login, also used as the display name.
    pub login: String,
    /// The character name in the game.
    pub character: String,
}

/// A running stack, and what is known of it.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The services that speak HTTP.
    pub endpoints: BTreeMap<ServiceId, Endpoint>,
    /// The desktop program's key.
    pub api_key: SecretString,
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The secret that signs chat messages; `None` if the services do not verify.
    pub event_sub_secret: Option<SigningSecret>,
    /// The switches among the settings that are on.
    pub switches: Vec<&'static str>,
    /// The stack, if services can be stopped and started.
    pub stack: Option<&'a Stack>,
}

impl Stage<'_> {
    /// A service that speaks HTTP.
    pub fn endpoint(&self, service: ServiceId) -> &Endpoint {
        &self.endpoints[&service]
    }

    /// The values that every scenario has: the addresses of the services by their names, `broadcaster`, `key` (the desktop
    /// key), and `id`, `login` and `character` of each viewer.
    pub(super) fn values<'v>(&self, viewers: impl Iterator<Item = (&'v str, &'v Viewer)>) -> Values {
        let mut values = Values::default();
        for (service, endpoint) in &self.endpoints {
            values.set(service.service().name, endpoint.url());
        }
        values.set("broadcaster", self.broadcaster_id.clone());
        values.set("key", self.api_key.expose_secret());
        for (name, Viewer { user_id, login, character }) in viewers {
            for (field, value) in [("id", user_id), ("login", login), ("character", character)] {
                values.set(format!("{name}.{field}"), value.clone());
            }
        }
        values
    }
}
