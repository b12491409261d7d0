//! Where the services of a running stack are.

use anyhow::Result;
use mgm_service::services::ServiceId;
use url::Url;

use crate::cli::Targets;
use crate::http::Endpoint;

/// The address of the port table.
pub fn default_url(service: ServiceId) -> Url {
    let port = service.service().port.unwrap_or_default();
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("loopback and a port make a URL")
}

impl Targets {
    /// Whether any address is given.
    pub fn is_given(&self) -> bool {
        let Self { backend, mock_eventsub, mock_jwt, mock_helix, synthetic_desktop } = self;
        [backend, mock_eventsub, mock_jwt, mock_helix, synthetic_desktop].iter().any(|url| url.is_some())
    }

    /// A service at the address that is given, else at that of the port table.
    pub fn endpoint(&self, service: ServiceId) -> Result<Endpoint> {
        let given = match service {
            ServiceId::Backend => &self.backend,
            ServiceId::MockEventSub => &self.mock_eventsub,
            ServiceId::MockJwt => &self.mock_jwt,
            ServiceId::MockHelix => &self.mock_helix,
            ServiceId::SyntheticDesktop => &self.synthetic_desktop,
            ServiceId::Postgres | ServiceId::Orchestrator => &None,
        };
        Ok(Endpoint::new(service, given.clone().unwrap_or_else(|| default_url(service)))?)
    }
}
