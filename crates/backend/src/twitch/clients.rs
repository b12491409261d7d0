//! The clients of Twitch's services.

use mgm_http_client::ClientError;
use mgm_twitch::{
    helix::Helix,
    oauth::{OAuth, Validator},
};

use crate::config::twitch::TwitchConfig;

/// The clients of Twitch's services, as far as the settings suffice.
#[derive(Debug, Clone)]
pub struct TwitchClients {
    pub(super) helix: Option<Helix>,
    pub(super) oauth: Option<OAuth>,
    pub(super) validator: Option<Validator>,
}

impl TwitchClients {
    /// Builds the clients that are needed. A service that is never called needs no certificates either.
    pub fn new(config: &TwitchConfig) -> Result<Self, ClientError> {
        let calls_helix = config.broadcaster.is_some() || config.subscription.is_some();
        let helix = calls_helix.then(|| Helix::new(config.helix_base_url.clone(), config.timeout)).transpose()?;
        let renews = config.broadcaster.as_ref().is_some_and(|tokens| tokens.refresh.is_some());
        let client = config.client.as_ref().filter(|_| renews || config.subscription.is_some());
        let oauth = client
            .map(|client| OAuth::new(config.oauth_base_url.clone(), config.timeout, &client.id, &client.secret))
            .transpose()?;
        let validates = config.broadcaster.is_some() && config.knows_its_tokens;
        let validator = validates.then(|| Validator::new(config.oauth_base_url.clone(), config.timeout)).transpose()?;
        Ok(Self { helix, oauth, validator })
    }
}
