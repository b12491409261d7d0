//! Addresses to listen on, in the form of `ASPNETCORE_URLS`: `http://+:8080;http://localhost:9051`. The crate `url` accepts
//! neither `+` nor `*` as a host.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// One or more addresses to listen on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BindUrls(Vec<BindUrl>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct BindUrl {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Host {
    /// `+`, `*`, `0.0.0.0` and `[::]`: every address of the machine.
    Any,
    /// Loopback, with every available IP version.
    Localhost,
    Ip(IpAddr),
    /// Resolved when listening starts.
    Name(String),
}

/// A socket address to listen on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Target {
    /// The address.
    pub address: SocketAddr,
    /// Whether it may be skipped on a machine without this IP version.
    pub optional: bool,
}

/// Why a text is not an address to listen on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BindUrlError {
    /// Nothing but separators.
    #[error("no address given")]
    Empty,
    /// The scheme is missing or not `http`.
    #[error("an address begins with http://; TLS ends at a proxy")]
    Scheme,
    /// Something follows host and port.
    #[error("an address has no path")]
    Path,
    /// The host is empty or malformed.
    #[error("the host is a name, an IP address, + or *")]
    Host,
    /// The port is not a number up to 65535.
    #[error("the port is a number from 0 to 65535")]
    Port,
}

impl BindUrls {
    /// IPv4 loopback only, the default of every service.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        Self(vec![BindUrl { host: Host::Ip(Ipv4Addr::LOCALHOST.into()), port }])
    }

    /// The socket addresses, without duplicates. Fails if a host name cannot be resolved.
    pub fn resolve(&self) -> std::io::Result<Vec<Target>> {
        let mut targets: Vec<Target> = Vec::new();
        for BindUrl { host, port } in &self.0 {
            for (ip, optional) in host.addresses()? {
                let address = SocketAddr::new(ip, *port);
                if !targets.iter().any(|target| target.address == address && *port != 0) {
                    targets.push(Target { address, optional });
                }
            }
        }
        Ok(targets)
    }
}

impl Host {
    /// Each address, and whether it is optional.
    fn addresses(&self) -> std::io::Result<Vec<(IpAddr, bool)>> {
        Ok(match self {
            Self::Any => vec![(Ipv4Addr::UNSPECIFIED.into(), false), (Ipv6Addr::UNSPECIFIED.into(), true)],
            Self::Localhost => vec![(Ipv4Addr::LOCALHOST.into(), false), (Ipv6Addr::LOCALHOST.into(), true)],
            Self::Ip(ip) => vec![(*ip, false)],
            Self::Name(name) => (name.as_str(), 0).to_socket_addrs()?.map(|address| (address.ip(), false)).collect(),
        })
    }
}

impl FromStr for BindUrls {
    type Err = BindUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let urls = text
            .split(';')
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if urls.is_empty() { Err(BindUrlError::Empty) } else { Ok(Self(urls)) }
    }
}

impl FromStr for BindUrl {
    type Err = BindUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = match text.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("http://") => &text[7..],
            _ => return Err(BindUrlError::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(BindUrlError::Path);
        }
        // The colons of an IPv6 address are in brackets.
        let host_end = authority.find(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match authority[host_end..].rfind(':') {
            Some(colon) => authority.split_at(host_end + colon),
            None => (authority, ":80"),
        };
        let digits = &port[1..];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BindUrlError::Port);
        }
        Ok(Self { host: host.parse()?, port: digits.parse().map_err(|_| BindUrlError::Port)? })
    }
}

impl FromStr for Host {
    type Err = BindUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(inner) = text.strip_prefix('[') {
            let ip: Ipv6Addr = inner.strip_suffix(']').and_then(|ip| ip.parse().ok()).ok_or(BindUrlError::Host)?;
            return Ok(if ip.is_unspecified() { Self::Any } else { Self::Ip(ip.into()) });
        }
        match text {
            "+" | "*" | "0.0.0.0" => Ok(Self::Any),
            _ if text.eq_ignore_ascii_case("localhost") => Ok(Self::Localhost),
            _ => match text.parse() {
                Ok(ip) => Ok(Self::Ip(ip)),
                Err(_) if is_host_name(text) => Ok(Self::Name(text.to_owned())),
                Err(_) => Err(BindUrlError::Host),
            },
        }
    }
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

impl fmt::Display for BindUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, BindUrl { host, port }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}http://{host}:{port}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("+"),
            Self::Localhost => f.write_str("localhost"),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<(String, bool)> {
        let urls: BindUrls = text.parse().unwrap();
        urls.resolve().unwrap().iter().map(|target| (target.address.to_string(), target.optional)).collect()
    }

    fn target(address: &str, optional: bool) -> (String, bool) {
        (address.to_owned(), optional)
    }

    #[test]
    fn every_spelling_of_any_listens_on_both_ip_versions() {
        for host in ["+", "*", "0.0.0.0", "[::]"] {
            let expected = [target("0.0.0.0:8080", false), target("[::]:8080", true)];
            assert_eq!(targets(&format!("http://{host}:8080")), expected, "{host}");
        }
    }

    #[test]
    fn localhost_is_both_loopback_addresses() {
        assert_eq!(targets("HTTP://LocalHost:9051/"), [target("127.0.0.1:9051", false), target("[::1]:9051", true)]);
    }

    #[test]
    fn several_addresses_are_separated_by_semicolons_and_listened_on_once() {
        let text = "http://127.0.0.1:1; http://[::1]:2;;http://127.0.0.1:1;http://127.0.0.1";
        assert_eq!(
            targets(text),
            [target("127.0.0.1:1", false), target("[::1]:2", false), target("127.0.0.1:80", false)]
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, error) in [
            ("", BindUrlError::Empty),
            (" ; ", BindUrlError::Empty),
            ("127.0.0.1:8080", BindUrlError::Scheme),
            ("https://localhost:8080", BindUrlError::Scheme),
            ("http://localhost:8080/base", BindUrlError::Path),
            ("http://:8080", BindUrlError::Host),
            ("http://[::g]:8080", BindUrlError::Host),
            ("http://a b:8080", BindUrlError::Host),
            ("http://localhost:65536", BindUrlError::Port),
            ("http://localhost:+1", BindUrlError::Port),
            ("http://localhost:", BindUrlError::Port),
        ] {
            assert_eq!(text.parse::<BindUrls>(), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let text = "http://+:8080;http://localhost:1;http://[::1]:2;http://10.0.0.1:3;http://ebs.local:4";
        assert_eq!(text.parse::<BindUrls>().unwrap().to_string(), text);
    }
}
