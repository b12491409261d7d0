//! The user that PostgreSQL runs as, since it refuses to run as root.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Uid, User};

/// Users to drop to, best first. `postgres` comes last: if it exists, it may own a real database.
const UNPRIVILEGED: [&str; 2] = ["nobody", "postgres"];

/// The user who runs PostgreSQL.
#[derive(Debug, Clone)]
pub struct Account {
    uid: Uid,
    gid: Gid,
    /// Whether this process is root and has to drop to that user.
    drops: bool,
}

/// Why no user can run PostgreSQL.
#[derive(Debug, thiserror::Error)]
#[error(
    "PostgreSQL refuses to run as root, and there is no unprivileged user to run it as (looked for {}); add one of \
     them or start as a normal user",
    UNPRIVILEGED.join(", ")
)]
pub struct NoAccount;

impl Account {
    /// This process's own user.
    pub(crate) fn own() -> Self {
        Self { uid: Uid::effective(), gid: Gid::effective(), drops: false }
    }

    /// This process's own user or, for root, an unprivileged one. It needs an entry in the user database, since `initdb`
    /// and `postgres` look up their own name.
    pub fn for_this_process() -> Result<Self, NoAccount> {
        if !Uid::effective().is_root() {
            return Ok(Self::own());
        }
        let user = UNPRIVILEGED.iter().find_map(|name| User::from_name(name).ok().flatten()).ok_or(NoAccount)?;
        Ok(Self { uid: user.uid, gid: user.gid, drops: true })
    }

    /// The first directory on the way to `path` (or `path` itself) that this user may not enter.
    ///
    /// Only the ordinary permission bits are checked, and only if this process is root: otherwise it is the same user, and
    /// the system's own error says more.
    #[must_use]
    pub fn barred_from(&self, path: &Path) -> Option<PathBuf> {
        if !self.drops {
            return None;
        }
        let whole = path.ancestors().find_map(|existing| existing.canonicalize().ok())?;
        let mut directories: Vec<_> = whole.ancestors().collect();
        directories.reverse();
        directories.into_iter().find(|directory| !self.passes(directory)).map(Path::to_owned)
    }

    fn passes(&self, directory: &Path) -> bool {
        fs::metadata(directory).is_ok_and(|metadata| {
            let shift = if metadata.uid() == self.uid.as_raw() {
                6
            } else if metadata.gid() == self.gid.as_raw() {
                3
            } else {
                0
            };
            metadata.mode() >> shift & 1 == 1
        })
    }

    /// Whether this is another user than this process's.
    pub(crate) fn is_other(&self) -> bool {
        self.drops
    }

    /// Creates the directory `path` and its missing parents, so that this user can reach it (whatever the umask), and only
    /// this process and that user can read it.
    pub(crate) fn create_directory(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.create_directory(parent)?;
        }
        match fs::create_dir(path) {
            Ok(()) => fs::set_permissions(path, Permissions::from_mode(if self.drops { 0o711 } else { 0o700 })),
            // Another process was faster.
            Err(_) if path.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes this user the owner of `path`.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        if self.drops { chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw())) } else { Ok(()) }
    }

    /// A command that runs as this user, without the environment's settings for PostgreSQL's programs.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.prepare(&mut command);
        command
    }

    /// Makes a command run that way.
    pub(crate) fn prepare(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        // macOS: with a locale to look up, the server would become multi-threaded, which it refuses.
        command.env("LC_ALL", "C");
        // As root, the current directory may be out of that user's reach.
        command.current_dir("/");
        if self.drops {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
    }
}
