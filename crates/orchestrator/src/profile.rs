//! The Tier B profile: the settings of a stack unless the environment or a file overrides them.

use mgm_service::services::ServiceId;

/// The value of each setting, by the name of its environment variable.
pub const SETTINGS: &[(&str, &str)] = &[
    ("Mgm__Environment", "Development"),
    ("Mgm__EnableE2eHarness", "true"),
    ("Mgm__ApiKey", "ci-desktop-api-key"),
    ("Twitch__EventSubSecret", "e2e-ci-eventsub-secret"),
    ("Twitch__BroadcasterAccessToken", "e2e-ci-broadcast-token"),
    ("Twitch__BroadcasterUserId", "e2e-ci-broadcaster"),
    ("Twitch__HelixClientId", "e2e-ci-helix-client"),
    ("MockHelix__StrictAuth", "true"),
];

/// The settings by which services find each other, each with the service whose address it is.
pub const WIRING: &[(&str, ServiceId)] = &[
    ("Twitch__HelixApiBaseUrl", ServiceId::MockHelix),
    ("Twitch__OAuthBaseUrl", ServiceId::MockHelix),
    ("SyntheticDesktop__BackendBaseUrl", ServiceId::Backend),
    ("Backend__BaseUrl", ServiceId::Backend),
];

/// The viewer's Twitch user id.
pub const USER_ID: &str = "e2e-viewer-1";
/// The viewer's login.
pub const LOGIN: &str = "e2eviewer1";
/// The viewer's character in the game.
pub const CHARACTER: &str = "Etoehero";

/// The database of a stack with a PostgreSQL of its own.
pub const DATABASE: &str = "mgm";
