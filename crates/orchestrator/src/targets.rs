//! The addresses of the services of a running stack.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, FromArgMatches};
use mgm_http_client::ClientError;
use mgm_service::services::{SERVICES, Service, ServiceId};
use url::Url;

use crate::http::Endpoint;
use crate::value_parser::HttpUrl;

/// The given addresses of services; the others are at the address in the service table. On the command line there is an
/// option for each service that speaks HTTP.
#[derive(Clone, Debug, Default)]
pub struct Targets(BTreeMap<ServiceId, Url>);

/// The services that speak HTTP.
fn speakers() -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().filter(|service| service.health.is_some())
}

/// The address of the service table.
pub fn default_url(service: ServiceId) -> Url {
    let port = service.service().port.unwrap_or_default();
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("loopback and a port make a URL")
}

/// The name of a service within a sentence of the help.
pub fn spoken(service: &Service) -> String {
    let component = service.component;
    if component.starts_with(char::is_lowercase) { format!("the {component}") } else { component.to_owned() }
}

impl Targets {
    /// Whether any address is given.
    pub fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// The address of a service.
    pub fn url(&self, service: ServiceId) -> Url {
        self.0.get(&service).cloned().unwrap_or_else(|| default_url(service))
    }

    /// An endpoint for one of the services.
    pub fn endpoint(&self, service: ServiceId) -> Result<Endpoint, ClientError> {
        Endpoint::new(service, self.url(service))
    }

    /// Endpoints for all services that speak HTTP.
    pub fn endpoints(&self) -> Result<BTreeMap<ServiceId, Endpoint>, ClientError> {
        speakers().map(|service| Ok((service.id, self.endpoint(service.id)?))).collect()
    }
}

impl FromIterator<(ServiceId, Url)> for Targets {
    fn from_iter<I: IntoIterator<Item = (ServiceId, Url)>>(addresses: I) -> Self {
        Self(addresses.into_iter().collect())
    }
}

impl Args for Targets {
    fn augment_args(command: clap::Command) -> clap::Command {
        let option = |service: &'static Service| {
            let mut name = spoken(service);
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            let default = default_url(service.id);
            let help = format!("{name} [default: {}]", default.as_str().trim_end_matches('/'));
            Arg::new(service.name).long(service.name).value_name("URL").value_parser(HttpUrl).help(help)
        };
        command.next_help_heading("Where a running stack is").args(speakers().map(option))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Targets {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |service: &Service| Some((service.id, matches.get_one::<Url>(service.name)?.clone()));
        Ok(speakers().filter_map(given).collect())
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}
