//! TCP ports of the loopback address, and the processes that listen on them. This reads only two tables and a link of
//! `/proc`, which `procfs` and similar crates would parse completely.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// A process that listens on a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PortHolder {
    /// Its process id.
    pub pid: u32,
    /// Its program, and for `mgm` the service that it runs; no further arguments, since those may hold secrets.
    pub command: String,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.command, self.pid)
    }
}

/// A port that was free a moment ago.
pub fn free() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether a server could not listen on `port`.
#[must_use]
pub fn is_taken(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // macOS lets a second server bind the loopback address beside one that has bound all addresses.
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
        || TcpListener::bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// The process that listens on the TCP port `port` of this machine, if the system tells: Linux does for the user's own
/// processes, and for root for all.
#[must_use]
pub fn holder(port: u16) -> Option<PortHolder> {
    let sockets: Vec<String> =
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().flat_map(|table| listening(table, port)).collect();
    if sockets.is_empty() {
        return None;
    }
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let mut descriptors = fs::read_dir(process.path().join("fd")).ok()?.flatten();
        descriptors
            .any(|descriptor| {
                fs::read_link(descriptor.path())
                    .is_ok_and(|link| sockets.iter().any(|socket| link.as_os_str() == &**socket))
            })
            .then(|| PortHolder { pid, command: command(pid) })
    })
}

/// When a process was started, in clock ticks since the machine was (`proc_pid_stat(5)`); `None` where the system does not
/// tell.
#[must_use]
pub fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, which may contain anything; this is the 22nd.
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// The sockets that listen on `port`, as named by the links below `/proc/*/fd` (`proc_net(5)`: a line holds number, local and
/// remote address, state, …, and the inode as its tenth word; state `0A` is listening).
fn listening(table: &str, port: u16) -> Vec<String> {
    let lines = fs::read_to_string(table).unwrap_or_default();
    let suffix = format!(":{port:04X}");
    lines
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, "0A", _, _, _, _, _, inode, ..] = words[..] else { return None };
            local.ends_with(&suffix).then(|| format!("socket:[{inode}]"))
        })
        .collect()
}

fn command(pid: u32) -> String {
    let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = arguments.split('\0');
    let program = arguments.next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let program = program.split([' ', ':']).next().unwrap_or_default();
    match program {
        "" => "a process".to_owned(),
        "mgm" => {
            let words = arguments.take_while(|word| word.starts_with(|first: char| first.is_ascii_lowercase()));
            std::iter::once(program).chain(words.take(2)).collect::<Vec<_>>().join(" ")
        }
        _ => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_port_is_taken_and_its_holder_known() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(is_taken(port));
        if cfg!(target_os = "linux") {
            assert_eq!(holder(port).unwrap().pid, std::process::id());
        }
    }

    #[test]
    fn a_free_port_is_nobodys() {
        let port = free().unwrap();
        assert_eq!(holder(port), None);
    }
}
