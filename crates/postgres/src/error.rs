//! Why a server does not start, or has stopped.

use std::io;
use std::path::{Path, PathBuf};

use mgm_system::port::PortHolder;

use crate::account::NoAccount;

/// Why a server does not start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// This process is root and there is no user to drop to.
    #[error(transparent)]
    NoAccount(#[from] NoAccount),

    /// Another process listens on the port.
    #[error("port {port} is taken{}", by(holder.as_ref()))]
    PortTaken {
        /// The requested port.
        port: u16,
        /// The process that listens there, if the system tells.
        holder: Option<PortHolder>,
    },

    /// Another server runs on the same data.
    #[error("the data directory {} is in use{}", directory.display(), by_process(*pid))]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// The process that runs the other server.
        pid: Option<u32>,
    },

    /// The data belongs to another major version of PostgreSQL.
    #[error(
        "the data in {} is of PostgreSQL {found}, but this is PostgreSQL {ours}: use PostgreSQL {found} \
         (MGM_POSTGRES_BIN names its directory), carry the data over with pg_upgrade, or start with an empty directory",
        directory.display()
    )]
    OtherVersion {
        /// The data directory.
        directory: PathBuf,
        /// The major version that wrote the data.
        found: String,
        /// The major version of the binaries.
        ours: u32,
    },

    /// The data directory is not empty, but was not created by this crate.
    #[error("{} lacks the file {missing}: it is not a data directory of this program", directory.display())]
    Foreign {
        /// The requested directory.
        directory: PathBuf,
        /// The expected file.
        missing: &'static str,
    },

    /// The unprivileged user that PostgreSQL runs as cannot reach a directory.
    #[error(
        "PostgreSQL runs as an unprivileged user, who may not pass through {} to reach {}; use a directory elsewhere \
         or start as a normal user",
        barrier.display(),
        path.display()
    )]
    Barred {
        /// The directory that PostgreSQL needs.
        path: PathBuf,
        /// The directory on the way there that this user cannot enter.
        barrier: PathBuf,
    },

    /// The path of a Unix socket would be longer than the system allows.
    #[error("{} is too long a path for a Unix socket", .0.display())]
    SocketPathTooLong(PathBuf),

    /// `initdb` failed.
    #[error("initdb failed:\n{0}")]
    Initdb(String),

    /// The server stopped although it should be running.
    #[error("PostgreSQL has stopped unexpectedly; its last lines:\n{0}")]
    Ended(String),

    /// The server did not become ready in time.
    #[error("PostgreSQL is not ready after {seconds} s; its last lines:\n{log}")]
    NotReady {
        /// How long this process waited.
        seconds: u64,
        /// The end of its log.
        log: String,
    },

    /// A file could not be read, written or removed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The failed operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },

    /// The server refused a statement, or a connection to it failed.
    #[error("PostgreSQL: {0}")]
    Sql(#[from] sqlx::Error),
}

impl ServerError {
    /// For `map_err`: states which operation failed for which file.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }
}

fn by(holder: Option<&PortHolder>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}

fn by_process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" by process {pid}")).unwrap_or_default()
}
