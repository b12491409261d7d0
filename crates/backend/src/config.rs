//! The backend's configuration: the settings, checked and turned into what the program works with.

use std::{num::NonZeroU32, time::Duration};

use axum::http::HeaderValue;
use ipnet::IpNet;
use mgm_api_types::Version;
use mgm_domain::{BroadcasterId, gift::TimeLimits, roulette::Schedule};
use mgm_service::{
    bind::BindUrls,
    services::ServiceId,
    settings::{Environment, NoOrigin, Settings, WebOrigin},
};
use mgm_twitch::{eventsub::SigningSecrets, extension_jwt::ExtensionKeys};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    channel::ServedChannel,
    database::DatabaseConfig,
    twitch::{self, TwitchConfig},
};

/// What the backend works with. No secret shows in `Debug`.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// Where to listen.
    pub urls: BindUrls,
    /// Where to serve metrics.
    pub metrics_urls: Option<BindUrls>,
    /// How often the metrics look at the database.
    pub metrics_refresh: Duration,
    /// The database.
    pub database: DatabaseConfig,
    /// The broadcaster.
    pub broadcaster: BroadcasterId,
    /// Their channel: what tokens and notifications have to be of.
    pub channel: ServedChannel,
    /// The desktop keys that are accepted.
    pub api_keys: Vec<SecretString>,
    /// The EventSub secrets that are accepted; empty: signatures are not checked.
    pub eventsub_secrets: SigningSecrets,
    /// The keys of Extension tokens.
    pub extension_keys: ExtensionKeys,
    /// What a token's `aud` has to be, where it has one.
    pub extension_client_id: Option<String>,
    /// Twitch's services, and what authorises calls to them.
    pub twitch: TwitchConfig,
    /// The badges of subscribers.
    pub subscriber_badges: Vec<String>,
    /// The roulette's lengths.
    pub schedule: Schedule,
    /// How often the roulette looks at the clock at the least.
    pub roulette_tick: Duration,
    /// The age at which an active payout expires.
    pub payouts_expire_after: Duration,
    /// How often that is looked for.
    pub payouts_sweep: Duration,
    /// How long after the time-out of its call an announcement still belongs to the process that claimed it.
    pub announcements_lease_margin: Duration,
    /// How often the outbox is looked at, whatever the database tells.
    pub announcements_poll: Duration,
    /// How long a gift request may take for each step.
    pub gift_limits: TimeLimits,
    /// How often gift requests are looked at.
    pub gifts_sweep: Duration,
    /// A viewer's writes a minute.
    pub viewer_writes: NonZeroU32,
    /// A viewer's reads a minute.
    pub viewer_reads: NonZeroU32,
    /// An address's refused and open requests a minute.
    pub address_requests: NonZeroU32,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that CORS allows.
    pub allowed_origins: Vec<HeaderValue>,
    /// Whether the harness's route is there.
    pub harness: bool,
    /// Whether claims and gift requests skip the subscription check.
    pub skip_subscriber_check: bool,
    /// What `GET /api/version` answers.
    pub version: Version,
}

/// The settings do not make a backend.
#[derive(Debug, thiserror::Error)]
#[error("the settings cannot be used:\n{}", problems.iter().map(|problem| format!("  - {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// All that is wrong, with the names of the settings and no values.
    pub problems: Vec<String>,
}

/// Collects what is wrong, so that all of it is told at once.
#[derive(Default)]
pub(crate) struct Problems(pub(crate) Vec<String>);

impl Problems {
    pub(crate) fn take<T, E: std::fmt::Display>(&mut self, key: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.0.push(format!("{key}: {error}"))).ok()
    }

    pub(crate) fn add(&mut self, problem: String) {
        self.0.push(problem);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_error(self) -> ConfigError {
        ConfigError { problems: self.0 }
    }

    pub(crate) fn needed(&mut self, in_production: bool, is_set: bool, key: &str) {
        if in_production && !is_set {
            self.0.push(format!("{key} is not set, and Production needs it"));
        }
    }
}

impl BackendConfig {
    /// Checks the settings. What Development does without is logged as a warning.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let production = settings.environment == Environment::Production;
        let (mgm, twitch) = (&settings.mgm, &settings.twitch);
        problems.needed(production, mgm.api_key.is_some(), "Mgm__ApiKey");
        problems.needed(production, twitch.event_sub_secret.is_some(), "Twitch__EventSubSecret");
        problems.needed(production, twitch.extension_secret.is_some(), "Twitch__ExtensionSecret");
        for (on, key) in [
            (mgm.enable_e2e_harness, "Mgm__EnableE2eHarness"),
            (mgm.dev_skip_subscriber_check, "Mgm__DevSkipSubscriberCheck"),
        ] {
            if production && on {
                problems.add(format!("{key} is on, and Production does not allow it"));
            }
        }
        let database = DatabaseConfig::read(settings, &mut problems);
        let secrets = twitch.event_sub_secret.iter().chain(&twitch.event_sub_secret_previous);
        let eventsub_secrets = problems.take("Twitch__EventSubSecret", SigningSecrets::new(secrets));
        let extension_keys = match &twitch.extension_secret {
            Some(secrets) => problems.take("Twitch__ExtensionSecret", ExtensionKeys::parse(secrets.expose_secret())),
            None => Some(ExtensionKeys::development()),
        };
        let twitch_config = TwitchConfig::new(settings, &mut problems);
        let roulette = &settings.roulette;
        let schedule = problems.take(
            "Roulette",
            Schedule::new(
                roulette.cycle_seconds,
                roulette.collecting_seconds,
                roulette.spinning_seconds,
                roulette.grace_seconds,
            ),
        );
        let panel = twitch.extension_client_id.as_ref().map(|id| format!("https://{id}.ext-twitch.tv").parse());
        let panel = panel.and_then(|origin: Result<WebOrigin, NoOrigin>| {
            problems.take("Twitch__ExtensionClientId", origin.map_err(|_| "it cannot be part of a host name"))
        });
        let origins = mgm.allowed_origins.iter().chain(&panel);
        // An origin is ASCII, and can stand in a header.
        let allowed_origins = origins.filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok()).collect();
        let (Some(database), Some(eventsub_secrets), Some(extension_keys)) =
            (database, eventsub_secrets, extension_keys)
        else {
            return Err(problems.into_error());
        };
        let (Some(twitch_config), Some(schedule), true) = (twitch_config, schedule, problems.is_empty()) else {
            return Err(problems.into_error());
        };
        warn_of_what_is_missing(settings);
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let limits = &settings.rate_limits;
        let at_least_one = |limit: u32| NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            urls: settings.urls.clone().unwrap_or_else(default_urls),
            metrics_urls: mgm.metrics_urls.clone(),
            metrics_refresh: seconds(mgm.metrics_refresh_seconds),
            broadcaster: database.broadcaster.clone(),
            channel: ServedChannel::new(database.broadcaster.clone(), production),
            database,
            api_keys: mgm.api_key.iter().chain(&mgm.api_key_previous).cloned().collect(),
            eventsub_secrets,
            extension_keys,
            extension_client_id: twitch.extension_client_id.clone(),
            twitch: twitch_config,
            subscriber_badges: twitch.subscriber_badges.clone(),
            schedule,
            roulette_tick: Duration::from_millis(roulette.tick_milliseconds),
            payouts_expire_after: seconds(settings.payouts.expire_after_seconds),
            payouts_sweep: seconds(settings.payouts.sweep_seconds),
            announcements_lease_margin: seconds(settings.announcements.lease_margin_seconds),
            announcements_poll: seconds(settings.announcements.poll_seconds),
            gift_limits: TimeLimits {
                select: seconds(settings.gifts.select_seconds),
                confirm: seconds(settings.gifts.confirm_seconds),
            },
            gifts_sweep: seconds(settings.gifts.sweep_seconds),
            viewer_writes: at_least_one(limits.viewer_writes_per_minute),
            viewer_reads: at_least_one(limits.viewer_reads_per_minute),
            address_requests: at_least_one(limits.address_per_minute),
            trusted_proxies: mgm.trusted_proxies.clone(),
            allowed_origins,
            harness: mgm.enable_e2e_harness,
            skip_subscriber_check: mgm.dev_skip_subscriber_check,
            version: version(settings),
        })
    }
}

fn default_urls() -> BindUrls {
    BindUrls::loopback(ServiceId::Backend.service().port.unwrap_or(8080))
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
    use super::*;

    fn development() -> Settings {
        let mut settings = Settings { environment: Environment::Development, ..Settings::default() };
        settings.connection_strings.postgresql = Some("Host=db;Database=mgm;Username=u;Password=hunter2".into());
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
        settings.twitch.extension_client_id = Some("abc".to_owned());
        settings.mgm.allowed_origins = vec!["http://localhost:3000".parse().unwrap()];
        let origins = BackendConfig::new(&settings).unwrap().allowed_origins;
        assert_eq!(origins, ["http://localhost:3000", "https://abc.ext-twitch.tv"]);
    }

    #[test]
    fn a_client_id_that_makes_no_origin_is_refused_without_being_shown() {
        for id in ["hush/hush", "u:hush@host", "hush hush", "hush?"] {
            let mut settings = development();
            settings.twitch.extension_client_id = Some(id.to_owned());
            let error = BackendConfig::new(&settings).unwrap_err().to_string();
            assert!(error.contains("Twitch__ExtensionClientId") && !error.contains("hush"), "{id}: {error}");
        }
    }
}
