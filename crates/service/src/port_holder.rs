//! Who listens on a port, as far as the system tells.

use std::fmt;

/// A process that listens on a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its program, and for `mgm` what it plays; no further arguments, since those may hold secrets.
    pub command: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.command, self.pid)
    }
}

/// The process that listens on the TCP port, where `/proc` is there and lets us see it.
#[must_use]
pub fn find(port: u16) -> Option<Holder> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    std::fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let mut descriptors = std::fs::read_dir(process.path().join("fd")).ok()?.filter_map(Result::ok);
        descriptors
            .any(|descriptor| {
                std::fs::read_link(descriptor.path())
                    .is_ok_and(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
            })
            .then(|| Holder { pid, command: command(pid) })
    })
}

/// The socket inodes in state LISTEN on the port; the format is that of `proc(5)`.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
            (*state == LISTEN && local.ends_with(&suffix)).then(|| (*inode).to_owned())
        })
        .collect()
}

fn command(pid: u32) -> String {
    let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(find(port).map(|holder| holder.pid), Some(std::process::id()));
    }
}
