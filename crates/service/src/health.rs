//! Lets a program check the health of a running service: for containers, which have no `curl`. It writes one request on
//! loopback by hand, since this crate needs no HTTP client for anything else.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::bind::BindUrls;
use crate::services::Service;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Whether the service that listens on `urls` (or else on its own port on loopback) answers its probe with 200.
pub fn ask(service: &Service, urls: Option<&BindUrls>) -> Result<()> {
    let default = service.port.map(BindUrls::loopback);
    let (Some(health), Some(urls)) = (&service.health, urls.or(default.as_ref())) else {
        return Err(Error::new(ErrorKind::Unsupported, "it has no health to ask for"));
    };
    let target = urls.resolve()?.into_iter().next().ok_or(ErrorKind::AddrNotAvailable)?;
    let address = reachable(target.address);
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n", health.path)?;
    let mut answer = String::new();
    // The expected answer is short, and anything may be listening there.
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    let status = answer.split_whitespace().nth(1).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if status == "200" { Ok(()) } else { Err(Error::other(format!("{status} {body}"))) }
}

/// An address to reach a listener on all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::services::ServiceId;

    /// The result of probing a listener that answers `answer`.
    fn asked(answer: &'static str) -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let urls = format!("http://+:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let serving = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let result = ask(ServiceId::Backend.service(), Some(&urls));
        assert!(serving.join().unwrap().starts_with("GET /health/ready HTTP/1.1\r\n"));
        result
    }

    #[test]
    fn a_service_that_answers_200_is_healthy() {
        asked("HTTP/1.1 200 OK\r\n\r\n{}").unwrap();
    }

    #[test]
    fn another_answer_is_told() {
        let error = asked("HTTP/1.1 503 Service Unavailable\r\n\r\naway").unwrap_err();
        assert_eq!(error.to_string(), "503 away");
    }
}
