//! The database of a stack: in its own PostgreSQL, or in a given one.

use std::path::PathBuf;
use std::time::Duration;

use mgm_postgres::{Data, Durability, Listen, Server, ServerError, ServerOptions};
use mgm_service::connection_string::{ConnectionString, ConnectionStringError};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::throw_away;
use crate::profile;

/// How long to wait for a connection, unless the connection string says.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// The database that a stack works with.
#[derive(Debug)]
pub enum DatabasePlan {
    /// In the stack's own PostgreSQL.
    Own {
        /// Its port on loopback.
        port: u16,
        /// Where its data is kept; `None` if it is removed with the stack.
        data: Option<PathBuf>,
        /// Whether existing data is removed first.
        fresh: bool,
        /// Its log file.
        log: PathBuf,
    },
    /// A database that somebody else runs.
    Named(ConnectionString),
    /// The stack's own database, in a PostgreSQL that somebody else runs.
    ThrowAway {
        /// The connection string of the PostgreSQL.
        server: ConnectionString,
        /// The database that is created and dropped.
        name: String,
    },
}

/// An available database.
#[derive(Debug)]
pub enum Database {
    /// In the stack's own PostgreSQL.
    Own(Server),
    /// Somebody else's.
    Named(ConnectionString),
    /// To be dropped.
    ThrowAway {
        /// The connection string of the PostgreSQL.
        server: ConnectionString,
        /// The database to drop.
        name: String,
    },
}

/// A fault of the stack's own PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub enum DatabaseFault {
    /// It is stopped cleanly and started again.
    Restart,
    /// It is killed and started again.
    Crash,
    /// Every session of the database is ended.
    Sessions,
    /// Every table is locked for this long, so that everybody who uses one waits.
    Locks(Duration),
}

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There are no binaries.
    #[error(transparent)]
    Install(#[from] mgm_postgres::install::InstallError),
    /// The stack's own PostgreSQL does not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The connection string is invalid.
    #[error(transparent)]
    Text(#[from] ConnectionStringError),
    /// The given PostgreSQL does not answer, or refuses.
    #[error("{to}: {source}{help}")]
    Sql {
        /// The database, without the password.
        to: String,
        /// The error.
        source: sqlx::Error,
        /// What to do about it, after a semicolon, or nothing.
        help: String,
    },
}

impl DatabasePlan {
    /// Starts or connects to the database.
    pub async fn start(&self) -> Result<Database, DatabaseError> {
        match self {
            Self::Own { port, data, fresh, log } => {
                let installation = mgm_postgres::install::install().await?;
                let data = match data {
                    Some(path) => {
                        if *fresh {
                            mgm_postgres::erase(path).await?;
                        }
                        Data::Persistent(path.clone())
                    }
                    None => Data::ThrowAway,
                };
                let durability = if data == Data::ThrowAway { Durability::Off } else { Durability::On };
                let listen = Listen::Port(*port);
                let options =
                    ServerOptions { data, listen, durability, log: Some(log.clone()), ..ServerOptions::throw_away() };
                let server = Server::start(&installation, options).await?;
                server.ensure_database(profile::DATABASE).await?;
                Ok(Database::Own(server))
            }
            Self::Named(to) => {
                execute(to, "SELECT 1").await?;
                Ok(Database::Named(to.clone()))
            }
            Self::ThrowAway { server, name } => {
                on(server, async |connection| throw_away::drop_stale(connection).await).await?;
                execute(server, &format!("CREATE DATABASE {name}")).await?;
                Ok(Database::ThrowAway { server: server.clone(), name: name.clone() })
            }
        }
    }
}

impl Database {
    /// The connection string for the backend.
    pub fn connection_string(&self) -> SecretString {
        match self {
            Self::Own(server) => server.url(profile::DATABASE).into(),
            Self::Named(to) => to.to_npgsql(),
            Self::ThrowAway { server, name } => {
                ConnectionString { database: name.clone(), ..server.clone() }.to_npgsql()
            }
        }
    }

    /// Causes a fault and returns when it is over; does nothing in somebody else's PostgreSQL.
    pub async fn trouble(&self, fault: DatabaseFault) -> Result<(), DatabaseError> {
        let Self::Own(server) = self else { return Ok(()) };
        match fault {
            DatabaseFault::Restart => Ok(server.restart().await?),
            DatabaseFault::Crash => Ok(server.crash().await?),
            DatabaseFault::Sessions => {
                const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
                let to = ConnectionString::parse(self.connection_string().expose_secret())?;
                execute(&to, END).await
            }
            DatabaseFault::Locks(length) => {
                let to = ConnectionString::parse(self.connection_string().expose_secret())?;
                let seconds = length.as_secs_f64();
                let lock = format!(
                    "BEGIN;
                     DO $$ BEGIN EXECUTE (
                         SELECT 'LOCK TABLE ' || string_agg(oid::regclass::text, ', ') || ' IN ACCESS EXCLUSIVE MODE'
                         FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                     ); END $$;
                     SELECT pg_sleep({seconds});
                     COMMIT"
                );
                match execute(&to, &lock).await {
                    // A deadlock with another transaction; ours was chosen as the victim, which is fault enough.
                    Err(DatabaseError::Sql { source: sqlx::Error::Database(error), .. })
                        if error.code().as_deref() == Some("40P01") =>
                    {
                        Ok(())
                    }
                    result => result,
                }
            }
        }
    }

    /// The process of the stack's own PostgreSQL.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Own(server) => server.pid(),
            Self::Named(_) | Self::ThrowAway { .. } => None,
        }
    }

    /// Resolves with the end of its log when the stack's own PostgreSQL has stopped; never for another.
    pub async fn ended(&self) -> String {
        match self {
            Self::Own(server) => server.ended().await,
            Self::Named(_) | Self::ThrowAway { .. } => std::future::pending().await,
        }
    }

    /// Stops or drops what belongs to the stack.
    pub async fn stop(self) -> Result<(), DatabaseError> {
        match self {
            Self::Own(server) => server.stop().await,
            Self::Named(_) => {}
            Self::ThrowAway { server, name } => {
                execute(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
            }
        }
        Ok(())
    }
}

async fn execute(to: &ConnectionString, statement: &str) -> Result<(), DatabaseError> {
    on(to, async |connection| {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await?;
        Ok(())
    })
    .await
}

/// Does some work on a separate connection.
async fn on(
    to: &ConnectionString,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<(), sqlx::Error>,
) -> Result<(), DatabaseError> {
    let failed = |source: sqlx::Error| {
        let help = to.explain(&source.to_string()).map_or_else(String::new, |help| format!("; {help}"));
        DatabaseError::Sql { to: to.to_string(), source, help }
    };
    let patience = to.timeout.unwrap_or(CONNECT_WITHIN);
    let mut connection = connect(to, patience).await.map_err(failed)?;
    let run = async {
        work(&mut connection).await?;
        connection.close().await
    };
    tokio::time::timeout(patience, run).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(failed)
}

/// Connects to the primary among several servers; the error is that of the first server that is not.
async fn connect(to: &ConnectionString, patience: Duration) -> Result<PgConnection, sqlx::Error> {
    let mut first = None;
    for url in to.to_urls() {
        let attempt = async {
            let options: PgConnectOptions = url.expose_secret().parse()?;
            let mut connection = options.connect().await?;
            let is_standby = to.has_several_hosts()
                && sqlx::query_scalar::<_, bool>("SELECT pg_is_in_recovery()").fetch_one(&mut connection).await?;
            if is_standby { Err(std::io::Error::other("the server is a standby").into()) } else { Ok(connection) }
        };
        match tokio::time::timeout(patience, attempt).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(connection) => return Ok(connection),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(sqlx::Error::PoolTimedOut))
}
