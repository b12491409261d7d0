//! The database of a stack: of a PostgreSQL of its own, or of one that was named.

use std::path::PathBuf;

use mgm_postgres::{Data, Durability, Listen, Options, Server, ServerError};
use mgm_service::connection_string::{ConnectionString, ConnectionStringError};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::profile;

/// Which database a stack works with.
#[derive(Debug)]
pub enum DatabasePlan {
    /// A PostgreSQL of the stack's own.
    Own {
        /// Its port on loopback.
        port: u16,
        /// Where its data stay; none when they go with the stack.
        data: Option<PathBuf>,
        /// Whether data that are there already are removed first.
        fresh: bool,
        /// Its log file.
        log: PathBuf,
    },
    /// A database that somebody else keeps.
    Named(ConnectionString),
    /// A database of the stack's own, in a PostgreSQL that somebody else keeps.
    ThrowAway {
        /// How to reach the PostgreSQL.
        server: ConnectionString,
        /// The database that is created and dropped.
        name: String,
    },
}

/// A database that is there.
#[derive(Debug)]
pub enum Database {
    /// Of a PostgreSQL of the stack's own.
    Own(Server),
    /// Somebody else's.
    Named(ConnectionString),
    /// To be dropped.
    ThrowAway {
        /// How to reach the PostgreSQL.
        server: ConnectionString,
        /// The database to drop.
        name: String,
    },
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
    /// The connection string is none.
    #[error(transparent)]
    Text(#[from] ConnectionStringError),
    /// The named PostgreSQL does not answer, or refuses.
    #[error("{to}: {source}")]
    Sql {
        /// The database, without the password.
        to: String,
        /// Why.
        source: sqlx::Error,
    },
}

impl DatabasePlan {
    /// Starts or reaches the database.
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
                let options = Options { data, listen, durability, log: Some(log.clone()), ..Options::throw_away() };
                let server = Server::start(&installation, options).await?;
                server.ensure_database(profile::DATABASE).await?;
                Ok(Database::Own(server))
            }
            Self::Named(to) => {
                execute(to, "SELECT 1").await?;
                Ok(Database::Named(to.clone()))
            }
            Self::ThrowAway { server, name } => {
                execute(server, &format!("CREATE DATABASE {name}")).await?;
                Ok(Database::ThrowAway { server: server.clone(), name: name.clone() })
            }
        }
    }
}

impl Database {
    /// How the backend reaches it.
    pub fn connection_string(&self) -> SecretString {
        match self {
            Self::Own(server) => server.url(profile::DATABASE).into(),
            Self::Named(to) => to.to_npgsql(),
            Self::ThrowAway { server, name } => {
                ConnectionString { database: name.clone(), ..server.clone() }.to_npgsql()
            }
        }
    }

    /// The process of a PostgreSQL of the stack's own.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Own(server) => server.pid(),
            Self::Named(_) | Self::ThrowAway { .. } => None,
        }
    }

    /// Resolves with the end of its log when a PostgreSQL of the stack's own has ended; never for another.
    pub async fn ended(&self) -> String {
        match self {
            Self::Own(server) => server.ended().await,
            Self::Named(_) | Self::ThrowAway { .. } => std::future::pending().await,
        }
    }

    /// Stops or drops what is the stack's own.
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
    let run = async {
        let options: PgConnectOptions = to.to_url().expose_secret().parse()?;
        let mut connection = options.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
        connection.close().await
    };
    match tokio::time::timeout(to.timeout, run).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
    .map_err(|source| DatabaseError::Sql { to: to.to_string(), source })
}
