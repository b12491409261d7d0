//! Servers for tests.

use std::sync::Arc;

use mgm_postgres::{Durability, Listen, Server, ServerOptions, install};
use sqlx::migrate::Migrator;
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::database::TestDatabase;

/// Names a server to use instead of our own, as a `postgres://` URL whose user may create databases.
pub const VARIABLE: &str = "MGM_TEST_DATABASE_URL";

/// The server that the tests of this process share. It stops with the process; the next process removes its directory.
static SHARED: OnceCell<Arc<Cluster>> = OnceCell::const_new();

/// A migrated database for one test, on a server that all tests of the process share.
///
/// Logs are shown as `RUST_LOG` says, if the test fails or with `--nocapture`.
///
/// The server is the one that `MGM_TEST_DATABASE_URL` names, or else our own, started for the first test, which does not
/// wait for the disk ([`Durability::Off`]). Tests that need another, or want to stop it, use a [`TestServer`].
///
/// # Panics
///
/// If no server is available, or a migration fails.
pub async fn database(migrator: &'static Migrator) -> TestDatabase {
    TestDatabase::create(Arc::clone(SHARED.get_or_init(shared).await), migrator).await
}

async fn shared() -> Arc<Cluster> {
    Arc::new(match std::env::var(VARIABLE) {
        Ok(url) => {
            Cluster::Given(Box::new(url.parse().unwrap_or_else(|error| panic!("{VARIABLE} is not usable: {error}"))))
        }
        Err(_) => Cluster::Own(start(Durability::Off).await),
    })
}

/// A separate server, to restart and to crash. It stops when this value and all its databases are dropped.
#[derive(Debug)]
pub struct TestServer {
    cluster: Arc<Cluster>,
}

impl TestServer {
    /// Starts a server.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start(durability: Durability) -> Self {
        Self { cluster: Arc::new(Cluster::Own(start(durability).await)) }
    }

    /// A migrated database for one test, on this server.
    ///
    /// # Panics
    ///
    /// If a migration fails.
    pub async fn database(&self, migrator: &'static Migrator) -> TestDatabase {
        TestDatabase::create(Arc::clone(&self.cluster), migrator).await
    }

    /// The server itself.
    #[must_use]
    pub fn server(&self) -> &Server {
        match &*self.cluster {
            Cluster::Own(server) => server,
            Cluster::Given(_) => unreachable!("a `TestServer` is made with an own server"),
        }
    }
}

async fn start(durability: Durability) -> Server {
    let installation = install::install().await.unwrap_or_else(|error| panic!("{error}"));
    // As many as tests that a machine with many cores runs at once.
    let settings = vec![("max_connections".to_owned(), "500".to_owned())];
    // A socket: no other process can take its name, not even while the server restarts.
    let options = ServerOptions { listen: Listen::Socket, durability, settings, ..ServerOptions::throw_away() };
    Server::start(&installation, options).await.unwrap_or_else(|error| panic!("{error}"))
}
