//! Connects to the database, and waits for it.

use std::time::{Duration, Instant};

use backon::{ConstantBuilder, Retryable};
use mgm_service::{
    connection_string::{Address, ConnectionString, SslMode},
    descriptors,
};
use mgm_store::{Store, StoreError, StoreOptions};
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::error::Error;
use crate::config::database::DatabaseConfig;

/// How long to wait for a connection before the database counts as unavailable; a default of the connection string.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The pause between attempts to reach an unavailable database at start.
const PAUSE: Duration = Duration::from_millis(250);

/// Connects and migrates, waiting for an unavailable database for a while.
pub(crate) async fn open(database: &DatabaseConfig) -> Result<Store, Error> {
    patiently(database, async || {
        let store = connect(database).await?;
        store.migrate().await?;
        Ok(store)
    })
    .await
}

/// Connects to a migrated database, waiting for an unavailable one for a while.
pub(crate) async fn open_migrated(database: &DatabaseConfig) -> Result<Store, Error> {
    patiently(database, async || {
        let store = connect(database).await?;
        store.ready().await?;
        Ok(store)
    })
    .await
}

async fn patiently<F: Future<Output = Result<Store, StoreError>>>(
    database: &DatabaseConfig,
    attempt: impl FnMut() -> F,
) -> Result<Store, Error> {
    let started = Instant::now();
    let opened = attempt
        .retry(ConstantBuilder::default().with_delay(PAUSE).without_max_times())
        .when(|error: &StoreError| error.is_unavailable() && started.elapsed() < database.patience)
        .notify(|error, _| tracing::warn!(%error, "the database is away; trying again"))
        .await;
    opened.map_err(|source| {
        let said = source.to_string();
        let help = database.connection.explain(&said).or_else(|| descriptors::explain(&said));
        let help = help.map_or_else(String::new, |help| format!("; {help}"));
        Error::Database { database: database.connection.to_string(), source, help }
    })
}

async fn connect(database: &DatabaseConfig) -> Result<Store, StoreError> {
    let options = StoreOptions {
        broadcaster: database.broadcaster.clone(),
        max_connections: database.max_connections,
        min_connections: database.connection.min_pool_size.unwrap_or_default(),
        acquire_timeout: database.connection.timeout.unwrap_or(ACQUIRE_TIMEOUT),
    };
    let servers = database.connection.addresses.iter().map(|address| connect_options(&database.connection, address));
    Store::connect(servers.collect(), options).await
}

/// The store's connection options for one of the servers.
fn connect_options(database: &ConnectionString, Address { host, port }: &Address) -> PgConnectOptions {
    let mut options = PgConnectOptions::new_without_pgpass()
        .port(*port)
        .database(&database.database)
        .username(&database.username)
        .application_name(database.application_name.as_deref().unwrap_or("mgm-backend"))
        .ssl_mode(match database.ssl_mode {
            SslMode::Disable => PgSslMode::Disable,
            SslMode::Allow => PgSslMode::Allow,
            SslMode::Prefer => PgSslMode::Prefer,
            SslMode::Require => PgSslMode::Require,
            SslMode::VerifyCa => PgSslMode::VerifyCa,
            SslMode::VerifyFull => PgSslMode::VerifyFull,
        });
    options = if host.starts_with('/') { options.socket(host) } else { options.host(host) };
    if let Some(password) = &database.password {
        options = options.password(password.expose_secret());
    }
    if let Some(certificate) = &database.root_certificate {
        options = options.ssl_root_cert(certificate);
    }
    options
}
