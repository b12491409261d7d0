//! The backend's configuration: the settings, and values derived from them.

pub mod channel;
pub mod database;
pub mod twitch;

use axum::http::HeaderValue;
use mgm_api_types::Version;
use mgm_domain::BroadcasterId;
use mgm_settings::{Environment, ExtensionClientId, Settings, SettingsError, needs};
use mgm_twitch::{eventsub::SigningSecrets, extension_jwt::ExtensionKeys};

use self::{channel::ServedChannel, database::DatabaseConfig, twitch::TwitchConfig};

/// The backend's configuration. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// The settings; boxed, since futures hold them.
    pub settings: Box<Settings>,
    /// The database.
    pub database: DatabaseConfig,
    /// The broadcaster.
    pub broadcaster: BroadcasterId,
    /// The broadcaster's channel, which tokens and notifications must be for.
    pub channel: ServedChannel,
    /// The accepted EventSub secrets; if there are none, signatures are not verified.
    pub eventsub_secrets: SigningSecrets,
    /// The keys that sign Extension tokens.
    pub extension_keys: ExtensionKeys,
    /// Twitch's services, and the credentials for them.
    pub twitch: TwitchConfig,
    /// Origins that CORS allows.
    pub allowed_origins: Vec<HeaderValue>,
    /// What `GET /api/version` answers.
    pub version: Version,
}

impl BackendConfig {
    /// Fails when a need of the backend is not met. What Development does without is logged as a warning.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(needs::of_the_backend(settings))?;
        let Settings { mgm, twitch, .. } = settings;
        let database = DatabaseConfig::new(settings)?;
        warn_of_what_is_missing(settings);
        let must_be_named = settings.general.environment == Environment::Production;
        let panel = twitch.extension_client_id.as_ref().map(ExtensionClientId::panel);
        let origins = mgm.allowed_origins.iter().chain(panel);
        Ok(Self {
            settings: Box::new(settings.clone()),
            broadcaster: database.broadcaster.clone(),
            channel: ServedChannel::new(database.broadcaster.clone(), must_be_named),
            database,
            eventsub_secrets: twitch.signing_secrets(),
            extension_keys: twitch.extension_secret.clone().unwrap_or_else(ExtensionKeys::development),
            twitch: TwitchConfig::new(settings),
            // An origin is ASCII, and allowed in a header.
            allowed_origins: origins.filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok()).collect(),
            version: version(settings),
        })
    }
}

fn version(settings: &Settings) -> Version {
    let version = &settings.version;
    Version {
        version: version.current_version.clone().unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
        release_notes_url: version.release_notes_url.clone(),
        minimum_desktop_version: version.minimum_desktop_version.clone(),
        minimum_addon_version: version.minimum_addon_version.clone(),
        minimum_extension_version: version.minimum_extension_version.clone(),
    }
}

fn warn_of_what_is_missing(settings: &Settings) {
    let twitch = &settings.twitch;
    if twitch.event_sub_secret.is_none() {
        tracing::warn!("Twitch__EventSubSecret is not set: notifications are taken without checking their signature");
    }
    if twitch.extension_secret.is_none() {
        tracing::warn!("Twitch__ExtensionSecret is not set: the development key, which everybody knows, is used");
    }
    if settings.mgm.api_key.is_none() {
        tracing::warn!("Mgm__ApiKey is not set: the desktop program cannot be let in");
    }
    for warning in twitch::warnings(settings) {
        tracing::warn!("{warning}");
    }
}

#[cfg(test)]
mod tests {
    use mgm_service::connection_string::ConnectionString;

    use super::*;

    fn development() -> Settings {
        let mut settings = Settings::default();
        settings.general.environment = Environment::Development;
        let database = ConnectionString::parse("Host=db;Database=mgm;Username=u;Password=hunter2").unwrap();
        settings.connection_strings.postgresql = Some(database);
        settings
    }

    #[test]
    fn development_does_with_a_database_alone() {
        let config = BackendConfig::new(&development()).unwrap();
        assert_eq!(config.broadcaster.as_str(), "dev-broadcaster");
        assert!(config.eventsub_secrets.is_empty());
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn production_names_everything_that_is_missing_at_once() {
        let mut settings = Settings::default();
        settings.mgm.enable_e2e_harness = true;
        settings.mgm.dev_skip_subscriber_check = true;
        let error = BackendConfig::new(&settings).unwrap_err().to_string();
        for key in [
            "Mgm__ApiKey",
            "Twitch__EventSubSecret",
            "Twitch__ExtensionSecret",
            "Twitch__BroadcasterUserId",
            "ConnectionStrings__PostgreSQL",
            "Mgm__EnableE2eHarness",
            "Mgm__DevSkipSubscriberCheck",
        ] {
            assert!(error.contains(key), "{key} in {error}");
        }
    }

    #[test]
    fn the_panels_origin_is_allowed() {
        let mut settings = development();
        settings.twitch.extension_client_id = Some(ExtensionClientId::parse("abc").unwrap());
        settings.mgm.allowed_origins = vec!["http://localhost:3000".parse().unwrap()];
        let origins = BackendConfig::new(&settings).unwrap().allowed_origins;
        assert_eq!(origins, ["http://localhost:3000", "https://abc.ext-twitch.tv"]);
    }
}
