//! The database: how it is configured, reached and waited for.

use std::time::{Duration, Instant};

use mgm_domain::BroadcasterId;
use mgm_service::{
    connection_string::{Address, ConnectionString, SslMode},
    descriptors,
};
use mgm_settings::{Settings, SettingsError};
use mgm_store::{Store, StoreError, StoreOptions};
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::process::Error;

/// Connections to the database, where the connection string does not say.
const MAX_CONNECTIONS: u32 = 16;
/// How long to wait for a connection before the database counts as away, where the connection string does not say.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The pause between attempts to reach a database that is away at start.
const PAUSE: Duration = Duration::from_millis(250);

/// Which database, and whose data in it. No password shows in `Debug`.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// How to reach it.
    pub connection: ConnectionString,
    /// The most connections to it.
    pub max_connections: u32,
    /// How long one that is away at start is waited for.
    pub patience: Duration,
    /// Whose data.
    pub broadcaster: BroadcasterId,
}

impl DatabaseConfig {
    /// Takes what of the settings is about the database: all that the operator's commands need.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let connection = settings.connection_strings.database()?.clone();
        for warning in &connection.warnings {
            tracing::warn!(warning, "connection string");
        }
        Ok(Self {
            max_connections: connection
                .max_pool_size
                .unwrap_or_else(|| MAX_CONNECTIONS.max(connection.min_pool_size.unwrap_or_default())),
            connection,
            patience: settings.mgm.database_wait(),
            broadcaster: settings.broadcaster(),
        })
    }

    /// Connects and migrates, waiting a while for a database that is away.
    pub async fn open(&self) -> Result<Store, Error> {
        self.patiently(async || {
            let store = self.connect().await?;
            store.migrate().await?;
            Ok(store)
        })
        .await
    }

    /// Connects to a database that is migrated already, waiting a while for one that is away.
    pub async fn open_migrated(&self) -> Result<Store, Error> {
        self.patiently(async || {
            let store = self.connect().await?;
            store.ready().await?;
            Ok(store)
        })
        .await
    }

    async fn patiently(&self, attempt: impl AsyncFn() -> Result<Store, StoreError>) -> Result<Store, Error> {
        let started = Instant::now();
        loop {
            match attempt().await {
                Err(error) if error.is_unavailable() && started.elapsed() < self.patience => {
                    tracing::warn!(%error, "the database is away; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(source) => {
                    let said = source.to_string();
                    let help = self.connection.explain(&said).or_else(|| descriptors::explain(&said));
                    let help = help.map_or_else(String::new, |help| format!("; {help}"));
                    return Err(Error::Database { database: self.connection.to_string(), source, help });
                }
                Ok(store) => return Ok(store),
            }
        }
    }

    async fn connect(&self) -> Result<Store, StoreError> {
        let options = StoreOptions {
            broadcaster: self.broadcaster.clone(),
            max_connections: self.max_connections,
            min_connections: self.connection.min_pool_size.unwrap_or_default(),
            acquire_timeout: self.connection.timeout.unwrap_or(ACQUIRE_TIMEOUT),
        };
        let servers = self.connection.addresses.iter().map(|address| connect_options(&self.connection, address));
        Store::connect(servers.collect(), options).await
    }
}

/// How the store's driver reaches one of the servers.
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
