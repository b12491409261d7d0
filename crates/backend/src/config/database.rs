//! Which database.

use std::time::Duration;

use mgm_domain::BroadcasterId;
use mgm_service::connection_string::ConnectionString;
use mgm_settings::{Settings, SettingsError};

/// Connections to the database, where the connection string does not say.
const MAX_CONNECTIONS: u32 = 16;

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
}
