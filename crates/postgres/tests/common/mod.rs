//! Shared by the tests of servers.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mgm_postgres::Server;
use tempfile::TempDir;

/// A directory that the user who runs PostgreSQL can reach.
pub fn directory() -> TempDir {
    let open = Permissions::from_mode(0o755);
    tempfile::Builder::new().permissions(open).tempdir().expect("there is a directory for temporary files")
}

/// The directory of a server that listens on a socket.
pub fn home(server: &Server) -> PathBuf {
    Path::new(&server.host()).parent().expect("the socket lies below it").to_owned()
}

/// Whether the process `pid` is running; a zombie is not.
pub fn is_running(pid: u32) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

fn state(pid: u32) -> Option<char> {
    if !Path::new("/proc/self/stat").exists() {
        let process = nix::unistd::Pid::from_raw(pid.cast_signed());
        return nix::sys::signal::kill(process, None).is_ok().then_some('?');
    }
    // The name, which may contain anything, is in parentheses.
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()?.rsplit_once(") ")?.1.chars().next()
}
