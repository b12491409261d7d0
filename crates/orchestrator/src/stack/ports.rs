//! The ports of a stack, reserved from the moment they are chosen, so that a conflict is known before anything is started.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};
use mgm_service::services::{SERVICES, Service, ServiceId};
use mgm_system::port::{self, PortHolder};
use socket2::{Domain, Socket, Type};
use url::Url;

use crate::targets::{Targets, spoken};
use crate::value_parser;

/// Where a stack listens. On the command line there is an option for each service that has a port.
#[derive(Clone, Debug, Default)]
pub struct PortArgs {
    /// Whether the system chooses every port that is not given.
    auto_ports: bool,
    given: BTreeMap<ServiceId, u16>,
}

const AUTO_PORTS: &str = "auto-ports";

impl PortArgs {
    /// The system chooses every port.
    pub fn auto() -> Self {
        Self { auto_ports: true, ..Self::default() }
    }

    /// The ids of all these options.
    pub(super) fn ids() -> impl Iterator<Item = String> {
        std::iter::once(AUTO_PORTS.to_owned()).chain(listeners().map(|(service, _)| port_option(service.id)))
    }
}

/// The services that listen, with their ports.
fn listeners() -> impl Iterator<Item = (&'static Service, u16)> {
    SERVICES.iter().filter_map(|service| Some((service, service.port?)))
}

impl Args for PortArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let auto = Arg::new(AUTO_PORTS).long(AUTO_PORTS).action(ArgAction::SetTrue);
        let one = |(service, default): (&'static Service, u16)| {
            let help = format!("Port of {} [default: {default}]", spoken(service));
            let name = port_option(service.id);
            Arg::new(name.clone()).long(name).value_name("PORT").value_parser(value_parser::port()).help(help)
        };
        command
            .next_help_heading("Stack options")
            .arg(auto.help("Let the system choose every port that is not given"))
            .args(listeners().map(one))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PortArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut read = Self::default();
        read.update_from_arg_matches(matches)?;
        Ok(read)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.auto_ports |= matches.get_flag(AUTO_PORTS);
        let given = |(service, _): (&Service, u16)| Some((service.id, *matches.get_one(&port_option(service.id))?));
        self.given.extend(listeners().filter_map(given));
        Ok(())
    }
}

/// A port for each service that listens, all on loopback.
#[derive(Debug)]
pub struct Ports {
    numbers: BTreeMap<ServiceId, u16>,
    /// Bound, but not listening: other programs that request the port are refused, but not a service that is about to listen
    /// and sets `SO_REUSEADDR`, as all of ours do. This holds only on Linux; elsewhere the sockets are closed at once.
    reserved: Vec<Socket>,
}

/// Ports that other processes listen on.
#[derive(Debug, thiserror::Error)]
pub struct PortsTaken(pub Vec<PortTaken>);

/// A port that another process listens on.
#[derive(Debug)]
pub struct PortTaken {
    service: ServiceId,
    port: u16,
    holder: Option<PortHolder>,
}

/// Why ports are not available.
#[derive(Debug, thiserror::Error)]
pub enum PortsError {
    /// Other processes use them.
    #[error(transparent)]
    Taken(#[from] PortsTaken),
    /// The system refuses.
    #[error("cannot use port {port} of 127.0.0.1: {source}")]
    Refused {
        /// The port.
        port: u16,
        /// The system's error.
        source: io::Error,
    },
}

impl Ports {
    /// Chooses and reserves the ports of all services; PostgreSQL's only if the stack has its own.
    pub fn reserve(options: &PortArgs, own_postgres: bool) -> Result<Self, PortsError> {
        let mut ports = Self { numbers: BTreeMap::new(), reserved: Vec::new() };
        let mut taken = Vec::new();
        for (service, default) in listeners().filter(|(service, _)| own_postgres || service.id != ServiceId::Postgres) {
            let given = options.given.get(&service.id).copied();
            let port = given.unwrap_or(if options.auto_ports { 0 } else { default });
            match bind(port) {
                Ok((socket, port)) => {
                    ports.numbers.insert(service.id, port);
                    ports.reserved.push(socket);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken.push(PortTaken::new(service.id, port)),
                Err(source) => return Err(PortsError::Refused { port, source }),
            }
        }
        if !taken.is_empty() {
            return Err(PortsTaken(taken).into());
        }
        if !cfg!(target_os = "linux") {
            ports.reserved.clear();
        }
        Ok(ports)
    }

    /// The port of a service that listens.
    pub fn of(&self, service: ServiceId) -> Option<u16> {
        self.numbers.get(&service).copied()
    }

    /// Every service that has a port.
    pub fn services(&self) -> impl Iterator<Item = ServiceId> {
        self.numbers.keys().copied()
    }

    /// All addresses, for clients of the services.
    pub fn targets(&self) -> Targets {
        let url = |port| Url::parse(&loopback(port)).expect("loopback and a port make a URL");
        self.numbers.iter().map(|(service, port)| (*service, url(*port))).collect()
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self, service: ServiceId) -> String {
        loopback(self.of(service).unwrap_or_default())
    }

    /// Whether another process has taken the port of a service after all.
    pub fn lost(&self, service: ServiceId) -> Option<PortsTaken> {
        let taken = PortTaken::new(service, self.of(service)?);
        taken.holder.is_some().then(|| PortsTaken(vec![taken]))
    }
}

/// A free port for one more service, reserved like [`Ports`].
#[derive(Debug)]
pub struct ReservedPort {
    number: u16,
    _reserved: Option<Socket>,
}

impl ReservedPort {
    /// A port that the system chooses.
    pub fn any() -> Result<Self, PortsError> {
        let (socket, number) = bind(0).map_err(|source| PortsError::Refused { port: 0, source })?;
        Ok(Self { number, _reserved: cfg!(target_os = "linux").then_some(socket) })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        loopback(self.number)
    }
}

impl PortTaken {
    fn new(service: ServiceId, port: u16) -> Self {
        Self { service, port, holder: port::holder(port) }
    }
}

fn bind(port: u16) -> io::Result<(Socket, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    let address = socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("the socket has no address"))?;
    Ok((socket, address.port()))
}

fn loopback(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The option that sets the port of a service, without its hyphens.
pub fn port_option(service: ServiceId) -> String {
    match service {
        ServiceId::Postgres => "pg-port".to_owned(),
        other => format!("{}-port", other.service().name),
    }
}

impl fmt::Display for PortsTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PortTaken { service, port, holder } in &self.0 {
            let by = holder.as_ref().map_or_else(|| "another process".to_owned(), PortHolder::to_string);
            writeln!(f, "port {port} ({}) is taken by {by}", service.service().component)?;
        }
        let is_ours =
            self.0.iter().any(|taken| taken.holder.as_ref().is_some_and(|holder| holder.command.starts_with("mgm")));
        if is_ours {
            write!(f, "A stack is running already: use it with --attach, or stop it with Ctrl-C there. ")?;
        } else {
            write!(f, "Stop what is there. ")?;
        }
        let options =
            self.0.iter().map(|taken| format!("--{}", port_option(taken.service))).collect::<Vec<_>>().join(", ");
        write!(f, "Or choose other ports with {options} or --auto-ports.")
    }
}
