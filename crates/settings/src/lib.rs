//! The settings of every service: built-in defaults, then an optional TOML file, then environment variables.
//!
//! One environment and one file serve all services, so every service loads the whole [`Settings`], and a key is unknown
//! only if no service has it. A field has its final type and needs no further check. `sections.rs` is the one place that
//! defines a key, its type, its default and its meaning.
//!
//! * A variable is named `<Section>__<Key>`, ignoring case: `Mgm__ApiKey` is `MGM__APIKEY`.
//! * `<Section>__<Key>__File` names a file that holds the value, which is how orchestrators and systemd pass secrets.
//! * In the file the same key is `api_key` under `[mgm]`; case and underscores do not matter there either.
//! * Lists are separated by commas in a variable, and arrays (or the same text) in the file.
//! * An empty value counts as not set.
//!
//! `docs/configuration.md` has the table of all keys; a test compares it with them.

mod args;
mod environment;
mod error;
mod file;
mod key;
mod layer;
pub mod needs;
mod origin;
mod reader;
mod sections;
mod setting;

use mgm_domain::BroadcasterId;
use mgm_service::bind::BindUrls;
use mgm_service::services::ServiceId;

use reader::Reader;
use sections::keys;

pub use args::{SettingsArgs, Sources};
pub use error::{Problem, SettingsError};
pub use layer::Origin;
pub use origin::{ExtensionClientId, NoOrigin, WebOrigin};
pub use reader::Row;
pub use sections::{
    Announcements, Backend, ConnectionStrings, General, Gifts, Helix, Mgm, MockHelix, Payouts, RateLimits, Roulette,
    Settings, SyntheticDesktop, Twitch, Version,
};
pub use setting::Environment;

/// The broadcaster used in development if none is configured.
const DEVELOPMENT_BROADCASTER: &str = "dev-broadcaster";

/// The settings, and for each key its value (redacted if secret) and its origin.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The effective settings.
    pub settings: Settings,
    /// One row per key, in the order of the documentation.
    pub rows: Vec<Row>,
}

impl Settings {
    /// Reads all layers; later ones take precedence.
    ///
    /// Every problem is reported, not just the first. No message repeats a value, since any value may be a misplaced secret.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
        Self::load_for(sources, needs::of_a_stand_in)
    }

    /// The same for a program with its own requirements, such as [`needs::of_the_backend`], whose problems are reported
    /// together with the others.
    pub fn load_for(sources: &Sources, needs: fn(&Self) -> Vec<Problem>) -> Result<Loaded, SettingsError> {
        let mut reader = Reader::new(sources, keys().collect());
        let mut settings = Self::read(&mut reader);
        reader.refuse(settings.compose());
        reader.refuse(needs(&settings));
        let rows = reader.finish()?;
        Ok(Loaded { settings, rows })
    }

    /// The address of a service: the configured one, or else loopback and its own port.
    #[must_use]
    pub fn urls(&self, service: ServiceId) -> BindUrls {
        let port = service.service().port.unwrap_or_default();
        self.general.urls.clone().unwrap_or_else(|| BindUrls::loopback(port))
    }

    /// The configured broadcaster, or else the one used in development.
    #[must_use]
    pub fn broadcaster(&self) -> BroadcasterId {
        self.twitch
            .broadcaster_user_id
            .clone()
            .unwrap_or_else(|| BroadcasterId::parse(DEVELOPMENT_BROADCASTER).expect("a constant, which a test reads"))
    }
}

impl Loaded {
    /// All keys with value, origin and meaning, as text for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let line = |row: &Row| format!("{} = {}  ({})\n    {}", row.key, row.value, row.origin, row.doc);
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests;
