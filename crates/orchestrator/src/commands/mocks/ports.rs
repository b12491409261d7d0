//! Where the stand-ins listen.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};
use mgm_service::bind::BindUrls;
use mgm_service::serve::{BindError, Listeners};
use mgm_service::services::{SERVICES, Service, ServiceId};

use crate::stack::port_option;
use crate::targets::spoken;
use crate::value_parser;

/// The options for addresses. There is one for the port of each stand-in.
#[derive(Clone, Debug, Default)]
pub struct AddressArgs {
    host: String,
    auto_ports: bool,
    given: BTreeMap<ServiceId, u16>,
}

const HOST: &str = "host";
const LOOPBACK: &str = "127.0.0.1";
const AUTO_PORTS: &str = "auto-ports";

/// The stand-ins, with their usual ports.
fn stand_ins() -> impl Iterator<Item = (&'static Service, u16)> {
    SERVICES.iter().filter(|service| service.id.is_stand_in()).filter_map(|service| Some((service, service.port?)))
}

fn host(text: &str) -> Result<String, &'static str> {
    match format!("http://{text}:0").parse::<BindUrls>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("the host is a name, an IP address, + or *"),
    }
}

impl Args for AddressArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let host = Arg::new(HOST)
            .long(HOST)
            .value_name("HOST")
            .default_value(LOOPBACK)
            .value_parser(host)
            .help("Where to listen: a name, an IP address, or + for all addresses");
        let auto = Arg::new(AUTO_PORTS)
            .long(AUTO_PORTS)
            .action(ArgAction::SetTrue)
            .help("Let the system choose every port that is not given");
        let one = |(service, default): (&'static Service, u16)| {
            let help = format!("Port of {} [default: {default}]", spoken(service));
            let name = port_option(service.id);
            Arg::new(name.clone()).long(name).value_name("PORT").value_parser(value_parser::port()).help(help)
        };
        command.next_help_heading("Addresses").arg(host).arg(auto).args(stand_ins().map(one))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for AddressArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut read = Self::default();
        read.update_from_arg_matches(matches)?;
        Ok(read)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.host = matches.get_one::<String>(HOST).cloned().unwrap_or_else(|| LOOPBACK.to_owned());
        self.auto_ports |= matches.get_flag(AUTO_PORTS);
        let given = |(service, _): (&Service, u16)| Some((service.id, *matches.get_one(&port_option(service.id))?));
        self.given.extend(stand_ins().filter_map(given));
        Ok(())
    }
}

/// The port of an option that may be given without one.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    /// The usual port.
    Usual,
    /// This port.
    Given(u16),
}

/// What the option means without a port.
pub const USUAL: &str = "usual";

impl Choice {
    /// Reads the port of the option.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == USUAL {
            return Ok(Self::Usual);
        }
        let port = text.parse::<NonZeroU16>().map_err(|_| "a port is a number from 1 to 65535")?;
        Ok(Self::Given(port.get()))
    }
}

/// Something to listen for, by the name of its option.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its name for people.
    pub component: &'static str,
    /// The option that chooses its port, without hyphens.
    pub option: String,
    /// The port; 0: the system chooses.
    pub port: u16,
}

impl AddressArgs {
    /// The port of a stand-in.
    pub fn stand_in(&self, id: ServiceId) -> Wanted {
        let service = id.service();
        let usual = if self.auto_ports { 0 } else { service.port.unwrap_or_default() };
        let port = self.given.get(&id).copied().unwrap_or(usual);
        Wanted { component: service.component, option: port_option(id), port }
    }

    /// The port of something else.
    pub fn other(&self, component: &'static str, option: &str, choice: Choice, usual: u16) -> Wanted {
        let port = match choice {
            Choice::Given(port) => port,
            Choice::Usual if self.auto_ports => 0,
            Choice::Usual => usual,
        };
        Wanted { component, option: option.to_owned(), port }
    }

    /// Listens for all of these. The error names every port that is taken, with its holder.
    pub fn listen(&self, wanted: &[Wanted]) -> Result<Vec<Listeners>> {
        let mut listening = Vec::new();
        let mut taken = Vec::new();
        for one in wanted {
            let urls: BindUrls = format!("http://{}:{}", self.host, one.port).parse()?;
            match Listeners::bind(&urls) {
                Ok(listeners) => listening.push(listeners),
                Err(error @ BindError::Taken { .. }) => taken.push((one, error)),
                Err(error) => return Err(error.into()),
            }
        }
        if taken.is_empty() {
            return Ok(listening);
        }
        let lines: Vec<_> = taken.iter().map(|(one, error)| format!("{}: {error}", one.component)).collect();
        let options: Vec<_> = taken.iter().map(|(one, _)| format!("--{}", one.option)).collect();
        bail!(
            "{}\nStop what is there, or choose other ports with {} or --auto-ports.",
            lines.join("\n"),
            options.join(", ")
        )
    }
}

/// An address by which the listeners are reached from this machine.
pub fn reachable(listeners: &Listeners) -> SocketAddr {
    let first = listeners.addresses().into_iter().next();
    let mut address = first.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    address
}
