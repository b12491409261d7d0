//! The addresses of the servers. `Host` is a list whose entries may include a port, as in Npgsql; `Port` may be a list of
//! the same length, as in libpq.

use std::fmt;

use super::error::ConnectionStringError;
use super::keyword::{self, Keyword};

const DEFAULT_PORT: u16 = 5432;

/// The address of one server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// A host name, an IP address without brackets, or the directory of a Unix socket (it begins with `/`).
    pub host: String,
    /// The TCP port, which is also part of a Unix socket's name.
    pub port: u16,
}

/// With the port, and an IPv6 address in brackets.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') && !host.starts_with('/') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// Parses both lists into addresses, of which there are none without a host. A host's own port takes precedence over
/// `Port`; the flag tells whether `Port` differs and applies to no host at all.
pub(super) fn read(hosts: &str, ports: &str) -> Result<(Vec<Address>, bool), ConnectionStringError> {
    if hosts.is_empty() {
        return Ok((Vec::new(), false));
    }
    let is_given = !ports.is_empty();
    let hosts: Vec<_> = hosts.split(',').map(str::trim).collect();
    let ports = match ports {
        "" => vec![DEFAULT_PORT],
        ports => ports.split(',').map(port).collect::<Result<_, _>>()?,
    };
    if ports.len() != 1 && ports.len() != hosts.len() {
        return Err(keyword::refusal(Keyword::Port.name(), "one number, or one for each host"));
    }
    let mut addresses = Vec::new();
    let mut is_overruled = is_given;
    for (text, default) in hosts.into_iter().zip(ports.into_iter().cycle()) {
        let (host, own) = host_and_port(text)?;
        let port = own.unwrap_or(default);
        is_overruled &= port != default;
        addresses.push(Address { host, port });
    }
    Ok((addresses, is_overruled))
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), ConnectionStringError> {
    let bad = || {
        keyword::refusal(
            Keyword::Host.name(),
            "a name, an IP address or a directory, with or without :port ([…]:port behind an IPv6 address), or several \
             of them with commas between",
        )
    };
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, behind) = rest.split_once(']').ok_or_else(bad)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
        let behind = if behind.is_empty() { None } else { Some(behind.strip_prefix(':').ok_or_else(bad)?) };
        (host, behind)
    } else if text.starts_with('/') {
        (text, None)
    } else if text.matches(':').count() > 1 {
        // An IPv6 address without brackets, which leaves no room for a port; its zone may follow.
        let address = text.split('%').next().unwrap_or_default();
        address.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
        (text, None)
    } else {
        text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
    };
    // Anything longer may be a URL that includes its password.
    if host.is_empty() || (!host.starts_with('/') && host.contains(['/', '@'])) {
        return Err(bad());
    }
    Ok((host.to_owned(), port.map(self::port).transpose()?))
}

fn port(text: &str) -> Result<u16, ConnectionStringError> {
    let refusal = || keyword::refusal(Keyword::Port.name(), "a number from 1 to 65535");
    text.trim().parse().ok().filter(|port| *port != 0).ok_or_else(refusal)
}

/// The list of hosts, without ports.
pub(super) fn hosts(addresses: &[Address]) -> String {
    addresses.iter().map(|address| address.host.as_str()).collect::<Vec<_>>().join(",")
}

/// The list of ports, or the port that all share.
pub(super) fn ports(addresses: &[Address]) -> String {
    match addresses {
        [first, rest @ ..] if rest.iter().all(|other| other.port == first.port) => first.port.to_string(),
        _ => addresses.iter().map(|address| address.port.to_string()).collect::<Vec<_>>().join(","),
    }
}
