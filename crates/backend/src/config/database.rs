//! The database's configuration.

use std::time::Duration;

use mgm_domain::BroadcasterId;
use mgm_service::connection_string::ConnectionString;
use mgm_settings::{Settings, SettingsError};

/// The default for the number of connections.
const MAX_CONNECTIONS: u32 = 16;

/// The database, and the broadcaster whose data is used. `Debug` shows no password.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// The connection string.
    pub connection: ConnectionString,
    /// The maximum number of connections.
    pub max_connections: u32,
    /// How long to wait at start for an unavailable database.
    pub patience: Duration,
    /// The broadcaster whose data is used.
    pub broadcaster: BroadcasterId,
}

impl DatabaseConfig {
    /// Reads the settings about the database, which are all that the operator's subcommands need.
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
}
