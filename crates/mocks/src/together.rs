//! All stand-ins in one process, with one world.

use axum::Router;
use mgm_service::services::ServiceId;
use mgm_settings::Settings;

use crate::eventsub::{self, EventSubConfig};
use crate::helix::{self, HelixConfig};
use crate::jwt::{self, JwtConfig};
use crate::program::RunError;
use crate::synthetic_desktop::{self, SyntheticDesktopConfig};

/// Every stand-in that the settings provide for: SyntheticDesktop only with the desktop program's key, without which it can
/// do nothing.
pub fn stand_ins(settings: &Settings) -> Result<Vec<(ServiceId, Router)>, RunError> {
    let twitch = HelixConfig::from_settings(settings)?;
    let (helix, jwt) = of_one_world(twitch, JwtConfig::from_settings(settings));
    let mut stand_ins = vec![
        (ServiceId::MockEventSub, eventsub::router(EventSubConfig::from_settings(settings))?),
        (ServiceId::MockJwt, jwt),
        (ServiceId::MockHelix, helix),
    ];
    if settings.mgm.api_key.is_some() {
        let desktop = SyntheticDesktopConfig::from_settings(settings)?;
        stand_ins.push((ServiceId::SyntheticDesktop, synthetic_desktop::router(desktop)?));
    }
    Ok(stand_ins)
}

/// MockHelixApi, and MockExtensionJwt that knows the Extensions of its world.
pub fn of_one_world(helix: HelixConfig, jwt: JwtConfig) -> (Router, Router) {
    let twitch = helix.into_twitch();
    (helix::router_of(twitch.clone()), jwt::router_of(jwt, Some(twitch)))
}
