//! Why there is no process.

use mgm_http_client::ClientError;
use mgm_service::serve::BindError;
use mgm_settings::SettingsError;
use mgm_store::StoreError;

/// Why the backend did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings do not make a backend.
    #[error(transparent)]
    Config(#[from] SettingsError),
    /// The database is away, or its migrations fail.
    #[error("{database} cannot be used: {source}{help}")]
    Database {
        /// Which one, without the password.
        database: String,
        /// Why.
        source: StoreError,
        /// What to do about it, behind a semicolon, or nothing.
        help: String,
    },
    /// The clients of Twitch's services cannot be built.
    #[error(transparent)]
    Twitch(#[from] ClientError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
}
