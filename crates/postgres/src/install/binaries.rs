//! Installed binaries.

use std::fs;
use std::io;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Output};
use std::time::Duration;

use crate::account::Account;
use crate::wait::until;

/// Longer than a child takes from fork to exec.
const BUSY_AT_MOST: Duration = Duration::from_secs(5);

/// Binaries that run on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    directory: PathBuf,
    version: String,
    major: u32,
}

impl Installation {
    /// The directory of `initdb` and `postgres`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The version, for people.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The path of one of the programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Asks the binaries in `directory` for their version, as the user who will run them.
pub(super) fn probe(directory: &Path, account: &Account) -> Result<Installation, String> {
    // The programs do not run in the current directory.
    let directory = absolute(directory).map_err(|error| format!("cannot find {}: {error}", directory.display()))?;
    for name in ["initdb", "postgres"] {
        if !directory.join(name).is_file() {
            return Err(format!("there is no {name} in {}", directory.display()));
        }
    }
    let postgres = directory.join("postgres");
    let output = run(account.command(&postgres).arg("--version")).map_err(|error| {
        account.barred_from(&postgres).filter(|barrier| barrier.is_dir()).map_or_else(
            || format!("cannot run {}: {error}", postgres.display()),
            |barrier| {
                format!("the unprivileged user that PostgreSQL runs as may not pass through {}", barrier.display())
            },
        )
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} --version fails: {}", postgres.display(), said.trim()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said.trim().strip_prefix("postgres (PostgreSQL) ");
    // `16.14`, `16.14 (Debian 16.14-1)`, `17beta1`.
    let major = version.and_then(|version| version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    match (version, major) {
        (Some(version), Some(major)) => Ok(Installation { directory, version: version.to_owned(), major }),
        _ => Err(format!("{} --version says {:?}", postgres.display(), said.trim())),
    }
}

/// Runs `command`. A file that was just unpacked may still be open for writing in a child that another thread has just
/// forked and that has not called exec yet.
fn run(command: &mut Command) -> io::Result<Output> {
    let output = until(BUSY_AT_MOST, || {
        let output = command.output();
        let is_busy = output.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ExecutableFileBusy);
        (!is_busy).then_some(output)
    });
    output.unwrap_or_else(|| command.output())
}

/// The installations in `directories`, each followed to the real location of `postgres`, next to which `initdb` and the
/// shared files are.
pub(super) fn installed<'a>(directories: impl Iterator<Item = &'a PathBuf>, account: &Account) -> Vec<Installation> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for directory in directories {
        let Ok(postgres) = directory.join("postgres").canonicalize() else { continue };
        let Some(real) = postgres.parent() else { continue };
        if !seen.iter().any(|seen| seen == real) {
            seen.push(real.to_owned());
            found.extend(probe(real, account));
        }
    }
    found
}

/// The directories in which packages of the common systems install the binaries, which are seldom on `PATH`.
pub(super) fn usual_directories() -> Vec<PathBuf> {
    // A directory with one subdirectory per version, and the path below that.
    const BY_VERSION: [(&str, &str); 4] = [
        ("/usr/lib/postgresql", "bin"),
        ("/usr/libexec/postgresql", "."),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
        ("/Library/PostgreSQL", "bin"),
    ];
    // The version is part of the name.
    const BY_NAME: [(&str, &str, &str); 4] = [
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
        ("/usr", "pgsql-", "bin"),
    ];
    let by_version = BY_VERSION.map(|(above, below)| (above, "", below));
    let mut directories: Vec<PathBuf> = by_version
        .iter()
        .chain(&BY_NAME)
        .flat_map(|&(above, prefix, below)| {
            let entries = fs::read_dir(above).into_iter().flatten().flatten();
            entries
                .filter(move |entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()))
                .map(move |entry| entry.path().join(below))
        })
        .chain(
            ["/opt/homebrew/opt/postgresql/bin", "/usr/local/pgsql/bin", "/usr/libexec/postgresql"].map(PathBuf::from),
        )
        .collect();
    directories.sort();
    directories
}
