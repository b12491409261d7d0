//! Why the process did not start.

use mgm_http_client::ClientError;
use mgm_service::serve::BindError;
use mgm_settings::SettingsError;
use mgm_store::StoreError;

/// Why the backend did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are not valid.
    #[error(transparent)]
    Config(#[from] SettingsError),
    /// The database is unavailable, or its migrations fail.
    #[error("{database} cannot be used: {source}{help}")]
    Database {
        /// The database, without the password.
        database: String,
        /// The store's error.
        source: StoreError,
        /// What to do about it, after a semicolon, or empty.
        help: String,
    },
    /// The clients of Twitch's services cannot be built.
    #[error(transparent)]
    Twitch(#[from] ClientError),
    /// The process cannot listen on an address.
    #[error(transparent)]
    Bind(#[from] BindError),
}
