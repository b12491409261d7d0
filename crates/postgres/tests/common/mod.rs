//! What the tests of servers share.

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

/// Whether the process `pid` runs; one that nobody has asked about since its end does not.
pub fn is_running(pid: u32) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

fn state(pid: u32) -> Option<char> {
    if !Path::new("/proc/self/stat").exists() {
        let process = nix::unistd::Pid::from_raw(pid.cast_signed());
        return nix::sys::signal::kill(process, None).is_ok().then_some('?');
    }
    // The name, which may hold anything, is in parentheses.
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()?.rsplit_once(") ")?.1.chars().next()
}
