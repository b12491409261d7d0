//! What a server is started with.

use std::path::PathBuf;

use mgm_system::ParentDeath;

/// Where the data lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In a directory of its own among the temporary files, gone with the server.
    ThrowAway,
    /// In this directory, which is created when it is missing and used again when it is not.
    Persistent(PathBuf),
}

/// Where the server listens; it never listens on anything but this machine.
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
    /// `fsync` and `full_page_writes` are off. A crash of the server loses nothing, one of the machine may lose everything.
    Off,
}

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where the data lives.
    pub data: Data,
    /// Where the server listens.
    pub listen: Listen,
    /// Whether a commit waits until it is on disk.
    pub durability: Durability,
    /// The file that the server's log is appended to; not set: `postgres.log` beside the data.
    pub log: Option<PathBuf>,
    /// Further settings of `postgresql.conf`, which win over those that follow from the above.
    pub settings: Vec<(String, String)>,
    /// How the server learns that this process is gone.
    pub parent_death: ParentDeath,
}

impl ServerOptions {
    /// A server whose data goes with it: on a free port, and without waiting for the disk.
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
