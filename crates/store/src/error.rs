//! The store's errors. A refusal by the rules is not a failure: commands distinguish the two in [`CommandError`].

use std::{borrow::Cow, fmt::Display, str::FromStr};

use mgm_domain::{
    Rejection,
    stream::{DecodeError, ImpossibleEvent},
};
use sqlx::migrate::MigrateError;
use uuid::Uuid;

/// A failure of the store. Its text is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is down, shutting down, or out of connections. Worth retrying later.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The transaction lost all of its races. Worth retrying.
    #[error("the transaction conflicted with others too often: {0}")]
    Conflict(#[source] sqlx::Error),
    /// A row that the program did not write, or that another version wrote.
    #[error("table {table}, column {column}, key {key}: {reason}")]
    BadRow {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// An event that cannot be read.
    #[error("stream {stream}, version {version}: {source}")]
    BadEvent {
        /// The stream.
        stream: Uuid,
        /// The event's version in the stream.
        version: i32,
        /// What is wrong.
        source: DecodeError,
    },
    /// An event that cannot follow those before it. The stream has no fold and is not used.
    #[error("stream {stream}, version {version}: {source}")]
    ImpossibleEvent {
        /// The stream.
        stream: Uuid,
        /// The event's version in the stream.
        version: i32,
        /// The event, and the state that it cannot follow.
        source: ImpossibleEvent,
    },
    /// Some migrations are not applied.
    #[error("the newest migration applied is {applied:?}, the newest known {newest:?}")]
    NotMigrated {
        /// The newest migration in the database.
        applied: Option<i64>,
        /// The newest migration that this program knows.
        newest: Option<i64>,
    },
    /// A migration failed.
    #[error("migration failed: {0}")]
    Migration(#[source] MigrateError),
    /// Any other error from the database.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same operation is likely to succeed a little later.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Conflict(_) => true,
            Self::BadRow { .. }
            | Self::BadEvent { .. }
            | Self::ImpossibleEvent { .. }
            | Self::NotMigrated { .. }
            | Self::Migration(_)
            | Self::Database(_) => false,
        }
    }

    /// Whether the error concerns one row or stream, so that others may be intact.
    #[must_use]
    pub const fn is_of_one(&self) -> bool {
        match self {
            Self::BadRow { .. } | Self::BadEvent { .. } | Self::ImpossibleEvent { .. } => true,
            Self::Unavailable(_)
            | Self::Conflict(_)
            | Self::NotMigrated { .. }
            | Self::Migration(_)
            | Self::Database(_) => false,
        }
    }
}

/// The row that a value was read from, so that an error can name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<K> {
    table: &'static str,
    key: K,
}

impl<K: Display> Origin<K> {
    pub(crate) const fn row(table: &'static str, key: K) -> Self {
        Self { table, key }
    }

    /// The value made of a column, or an error that names the row and the column.
    pub(crate) fn column<T, E: Display>(&self, column: &'static str, made: Result<T, E>) -> Result<T, StoreError> {
        made.map_err(|reason| StoreError::BadRow {
            table: self.table,
            column,
            key: self.key.to_string(),
            reason: reason.to_string(),
        })
    }

    /// Parses a column's text.
    pub(crate) fn parse<T: FromStr<Err: Display>>(&self, column: &'static str, text: &str) -> Result<T, StoreError> {
        self.column(column, text.parse().map_err(|error| format!("{text:?}: {error}")))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(database) => match sqlstate(database.code()).as_str() {
                // Serialization failure, deadlock, and a unique constraint that another transaction satisfied first.
                "40001" | "40P01" | "23505" => Self::Conflict(error),
                // Connection exceptions, lack of resources, a lock not obtained in time or held too long, shutdown or
                // start-up, a database that is just being created.
                code if ["08", "53", "55P03", "25P03", "57P", "3D000"].iter().any(|class| code.starts_with(class)) => {
                    Self::Unavailable(error)
                }
                _ => Self::Database(error),
            },
            _ => Self::Database(error),
        }
    }
}

fn sqlstate(code: Option<Cow<'_, str>>) -> String {
    code.map(Cow::into_owned).unwrap_or_default()
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => Self::from(error),
            other => Self::Migration(other),
        }
    }
}

/// Why a command had no effect.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The rules say no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It could not be carried out.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

impl From<sqlx::Error> for CommandError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}
