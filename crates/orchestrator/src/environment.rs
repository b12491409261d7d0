//! The environment of a stack's services: the user's environment over the Tier B profile, and each service's own address.

use std::path::PathBuf;

use anyhow::Result;
use mgm_service::services::ServiceId;
use mgm_settings::{Origin, Settings, Sources};

use crate::profile;

/// The user's variables that must not affect a stack: a stray database, and addresses that all services would share.
const NOT_INHERITED: &[&str] = &[
    "DATABASE_URL",
    "ConnectionStrings__PostgreSQL",
    "ConnectionStrings__PostgreSQL__File",
    "ASPNETCORE_URLS",
    "Mgm__Urls",
];

/// The environment of a stack.
#[derive(Clone, Debug)]
pub struct StackEnvironment {
    /// The file of `--config`.
    pub config: Option<PathBuf>,
    /// The resulting settings; boxed, since futures carry them.
    pub settings: Box<Settings>,
    /// The part that comes from the profile: variables that neither the user's environment nor the file sets.
    pub profile: Vec<(&'static str, String)>,
    variables: Vec<(String, String)>,
}

impl StackEnvironment {
    /// The Tier B profile for everything that neither the environment nor the file sets. `url` gives the services' addresses.
    pub fn tier_b(mut sources: Sources, url: impl Fn(ServiceId) -> String) -> Result<Self> {
        let given = Settings::load(&sources)?;
        let is_free = |name: &str| given.rows.iter().any(|row| row.key == name && row.origin == Origin::Default);
        let profile = profile::SETTINGS.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let wiring = profile::WIRING.iter().map(|(name, service)| (*name, url(*service)));
        let profile: Vec<_> = profile.chain(wiring).filter(|(name, _)| is_free(name)).collect();
        for (name, value) in &profile {
            // An empty variable counts as not set, but would conflict with the value under another spelling.
            sources.set(name, value);
        }
        let settings = Box::new(Settings::load(&sources)?.settings);
        Ok(Self { config: sources.file, settings, profile, variables: sources.environment })
    }

    /// The variables for all services.
    pub fn for_all(&self) -> Vec<(String, String)> {
        let is_inherited = |name: &str| !NOT_INHERITED.iter().any(|other| other.eq_ignore_ascii_case(name));
        self.variables.iter().filter(|(name, _)| is_inherited(name)).cloned().collect()
    }

    /// The variables of one service, which listens at `urls`.
    pub fn for_service(&self, urls: String, connection_string: Option<String>) -> Vec<(String, String)> {
        let mut variables = self.for_all();
        variables.push(("Mgm__Urls".to_owned(), urls));
        variables.extend(connection_string.map(|text| ("ConnectionStrings__PostgreSQL".to_owned(), text)));
        variables
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> StackEnvironment {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sources = Sources { environment, ..Sources::default() };
        StackEnvironment::tier_b(sources, |service| format!("http://127.0.0.1:1/{}", service.service().name)).unwrap()
    }

    fn api_key(environment: &StackEnvironment) -> &str {
        environment.settings.mgm.api_key.as_ref().unwrap().expose_secret()
    }

    #[test]
    fn the_profile_holds_where_nothing_else_is_said() {
        let environment = environment(&[("MGM__APIKEY", "")]);
        assert_eq!(api_key(&environment), "ci-desktop-api-key");
        assert_eq!(environment.settings.backend.base_url.as_str(), "http://127.0.0.1:1/backend");
        let told = environment.for_service("http://127.0.0.1:2".to_owned(), None);
        assert_eq!(told.iter().filter(|(name, _)| name.eq_ignore_ascii_case("mgm__apikey")).count(), 1);
    }

    #[test]
    fn the_environment_overrides_single_values_in_any_spelling() {
        let environment = environment(&[("MGM__APIKEY", "mine"), ("ASPNETCORE_ENVIRONMENT", "Production")]);
        assert_eq!(api_key(&environment), "mine");
        assert_eq!(environment.settings.general.environment, mgm_settings::Environment::Production);
        assert_eq!(environment.settings.twitch.helix_client_id.as_deref(), Some("e2e-ci-helix-client"));
    }

    #[test]
    fn no_service_hears_of_a_stray_database_or_of_anothers_address() {
        let environment = environment(&[
            ("DATABASE_URL", "postgres://stray"),
            ("aspnetcore_urls", "http://+:1"),
            ("MGM__URLS", "http://+:2"),
            ("connectionstrings__postgresql", "Host=stray;Username=u"),
            ("PATH", "/bin"),
        ]);
        let told = environment.for_service("http://127.0.0.1:3".to_owned(), Some("Host=ours".to_owned()));
        let value = |wanted: &str| {
            let values: Vec<_> = told.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).collect();
            assert!(values.len() <= 1);
            values.first().map(|(_, value)| value.as_str())
        };
        assert_eq!(value("DATABASE_URL"), None);
        assert_eq!(value("ASPNETCORE_URLS"), None);
        assert_eq!(value("Mgm__Urls"), Some("http://127.0.0.1:3"));
        assert_eq!(value("ConnectionStrings__PostgreSQL"), Some("Host=ours"));
        assert_eq!(value("PATH"), Some("/bin"));
    }
}
