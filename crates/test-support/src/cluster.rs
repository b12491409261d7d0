//! Databases on a server, whoever runs it.

use mgm_postgres::Server;
use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

/// A server on which to create databases.
#[derive(Debug)]
pub(crate) enum Cluster {
    /// One that runs only for these tests.
    Own(Server),
    /// One that somebody else runs, with the options for connecting to one of its databases.
    Given(Box<PgConnectOptions>),
}

impl Cluster {
    /// How to connect to `database`.
    pub fn options(&self, database: &str) -> PgConnectOptions {
        match self {
            Self::Own(server) => server.connect_options(database),
            Self::Given(options) => PgConnectOptions::clone(options).database(database),
        }
    }

    /// Creates `name` as a copy of a database that `migrator` has migrated.
    pub async fn create_database(&self, name: &str, migrator: &Migrator) -> Result<(), sqlx::Error> {
        let mut connection = self.connect().await?;
        let template = format!("mgm_template_{}", fingerprint(migrator));
        self.ensure_template(&mut connection, &template, migrator).await?;
        run(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
        connection.close().await
    }

    /// Drops `name` and disconnects everybody.
    pub async fn drop_database(&self, name: &str) -> Result<(), sqlx::Error> {
        let mut connection = self.connect().await?;
        run(&mut connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        connection.close().await
    }

    /// Ends all sessions of the database `name`, and returns their number.
    pub async fn terminate_sessions(&self, name: &str) -> Result<usize, sqlx::Error> {
        let mut connection = self.connect().await?;
        let ended: Vec<bool> = sqlx::query_scalar(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'",
        )
        .bind(name)
        .fetch_all(&mut connection)
        .await?;
        connection.close().await?;
        Ok(ended.len())
    }

    /// A connection for administration, to a database that no test works in.
    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        match self {
            Self::Own(server) => server.connect_options("postgres").connect().await,
            Self::Given(options) => options.connect().await,
        }
    }

    /// Several processes may need the template at once; it gets its name only when it is complete.
    async fn ensure_template(
        &self,
        connection: &mut PgConnection,
        template: &str,
        migrator: &Migrator,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT pg_advisory_lock(hashtext($1))").bind(template).execute(&mut *connection).await?;
        let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(template)
            .fetch_optional(&mut *connection)
            .await?;
        if found.is_none() {
            let unfinished = format!("{template}_unfinished");
            run(connection, format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await?;
            run(connection, format!("CREATE DATABASE {unfinished}")).await?;
            // A pool, since a future that borrows a connection could not be moved to another thread.
            let migrating = PgPoolOptions::new().max_connections(1).connect_lazy_with(self.options(&unfinished));
            migrator.run(&migrating).await?;
            migrating.close().await;
            run(connection, format!("ALTER DATABASE {unfinished} RENAME TO {template}")).await?;
        }
        sqlx::query("SELECT pg_advisory_unlock(hashtext($1))").bind(template).execute(connection).await?;
        Ok(())
    }
}

/// A statement that cannot be prepared; its names are generated here, from letters, digits and underscores.
async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

/// Identifies a set of migrations.
fn fingerprint(migrator: &Migrator) -> String {
    let mut digest = Sha256::new();
    for migration in migrator.iter() {
        digest.update(migration.version.to_be_bytes());
        digest.update(&migration.checksum);
    }
    hex::encode(&digest.finalize()[..8])
}
