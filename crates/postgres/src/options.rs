//! The options of a server.

use std::path::PathBuf;

use mgm_system::ParentDeath;

/// Where the data is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In a separate temporary directory, which is removed with the server.
    ThrowAway,
    /// In this directory, which is created if it is missing and reused if it exists.
    Persistent(PathBuf),
}

/// Where the server listens; only ever on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// On this port of 127.0.0.1.
    Port(u16),
    /// On some free port of 127.0.0.1.
    FreePort,
    /// On a Unix socket.
    Socket,
}

/// Whether a commit waits until it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production: `fsync`, `full_page_writes` and `synchronous_commit` are on.
    On,
    /// `fsync` and `full_page_writes` are off. A crash of the server loses nothing, a crash of the machine may lose everything.
    Off,
}

/// The options that a server is started with.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where the data is stored.
    pub data: Data,
    /// Where the server listens.
    pub listen: Listen,
    /// Whether a commit waits until it is on disk.
    pub durability: Durability,
    /// The file to which the server's log is appended; not set: `postgres.log` beside the data.
    pub log: Option<PathBuf>,
    /// Further settings of `postgresql.conf`, which override those that follow from the above.
    pub settings: Vec<(String, String)>,
    /// How the server learns that this process has ended.
    pub parent_death: ParentDeath,
}

impl ServerOptions {
    /// A server whose data is removed with it: on a free port, and without waiting for the disk.
    #[must_use]
    pub fn throw_away() -> Self {
        Self {
            data: Data::ThrowAway,
            listen: Listen::FreePort,
            durability: Durability::Off,
            log: None,
            settings: Vec::new(),
            parent_death: ParentDeath::default(),
        }
    }

    /// A server that keeps its data in `directory`: on a free port, and durable.
    #[must_use]
    pub fn persistent(directory: impl Into<PathBuf>) -> Self {
        Self { data: Data::Persistent(directory.into()), durability: Durability::On, ..Self::throw_away() }
    }
}
