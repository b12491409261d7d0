//! A database for one test.

use std::sync::Arc;

use mgm_system::RandomSource;
use sqlx::ConnectOptions as _;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::{cluster::Cluster, logs};

/// Enough for one test, and few enough for many tests at once.
const MAX_CONNECTIONS: u32 = 10;

/// A migrated, empty database that nobody else uses. It is dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    cluster: Arc<Cluster>,
    name: String,
    pool: PgPool,
}

impl TestDatabase {
    pub(crate) async fn create(cluster: Arc<Cluster>, migrator: &Migrator) -> Self {
        logs::show();
        let name = unused_name();
        cluster
            .create_database(&name, migrator)
            .await
            .unwrap_or_else(|error| panic!("cannot create a database: {error}"));
        let pool = PgPoolOptions::new().max_connections(MAX_CONNECTIONS).connect_lazy_with(cluster.options(&name));
        Self { cluster, name, pool }
    }

    /// Connections to the database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The options for connecting to it.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        self.cluster.options(&self.name)
    }

    /// The same as a URL, which holds the password.
    #[must_use]
    pub fn url(&self) -> String {
        match &*self.cluster {
            Cluster::Own(server) => server.url(&self.name),
            Cluster::Given(options) => PgConnectOptions::clone(options).database(&self.name).to_url_lossy().into(),
        }
    }

    /// Ends all sessions of this database, as an administrator or a failing network would, and returns their number.
    ///
    /// # Panics
    ///
    /// If the server cannot do so.
    pub async fn terminate_sessions(&self) -> usize {
        let ended = self.cluster.terminate_sessions(&self.name).await;
        ended.unwrap_or_else(|error| panic!("cannot end the sessions of {}: {error}", self.name))
    }
}

impl Drop for TestDatabase {
    /// On somebody else's server nothing may be left behind, so this waits.
    fn drop(&mut self) {
        let (cluster, name) = (Arc::clone(&self.cluster), std::mem::take(&mut self.name));
        let waits = matches!(*cluster, Cluster::Given(_));
        // The runtime of the test may be about to end, so this uses a thread with its own runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(cluster.drop_database(&name)).map_err(std::io::Error::other)
        });
        if waits && let Ok(Err(error)) = dropping.join() {
            eprintln!("a test's database stays behind: {error}");
        }
    }
}

fn unused_name() -> String {
    format!("mgm_test_{}", RandomSource::from_system().hex::<8>())
}
