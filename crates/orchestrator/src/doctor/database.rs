//! The database.

use std::time::Duration;

use mgm_service::connection_string::ConnectionString;
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

use super::finding::Finding;

/// How long to wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first version that has what the schema uses.
const OLDEST: i32 = 15;

pub(super) async fn examine(to: &ConnectionString) -> Vec<Finding> {
    let examined = async {
        let url = to.to_urls().into_iter().next().ok_or_else(|| "no host is given".to_owned())?;
        let options: PgConnectOptions = url.expose_secret().parse().map_err(|error: sqlx::Error| error.to_string())?;
        let mut connection = options.connect().await.map_err(|error| error.to_string())?;
        look(&mut connection).await.map_err(|error| error.to_string())
    };
    match tokio::time::timeout(PATIENCE, examined).await {
        Ok(Ok(found)) => found,
        Ok(Err(problem)) => vec![Finding::new("database-away", to.to_string(), &[("problem", &problem)])],
        Err(_) => {
            let problem = format!("no answer within {} s", PATIENCE.as_secs());
            vec![Finding::new("database-away", to.to_string(), &[("problem", &problem)])]
        }
    }
}

fn of_version(version: i32) -> Option<Finding> {
    let text = version.to_string();
    (version < OLDEST)
        .then(|| Finding::new("database-version", format!("server_version {text}"), &[("version", &text)]))
}

async fn look(connection: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let mut found = Vec::new();
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::integer / 10000")
        .fetch_one(&mut *connection)
        .await?;
    found.extend(of_version(version));
    let is_migrated: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *connection).await?;
    let applied: Option<i64> = if is_migrated {
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(&mut *connection)
            .await?
    } else {
        None
    };
    let known = mgm_backend::newest_migration();
    if applied != known {
        let text = |version: Option<i64>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        let (applied_text, known_text) = (text(applied), text(known));
        let evidence = "max(version) of _sqlx_migrations".to_owned();
        let values = [("applied", applied_text.as_str()), ("known", &known_text)];
        found.push(if applied > known {
            Finding::new("migrations-newer", evidence, &values)
        } else {
            Finding::new("migrations-missing", evidence, &values)
        });
    }
    let refused: Option<(String, String)> = sqlx::query_as(
        "SELECT current_user::text, relname::text FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> '_sqlx_migrations'
         AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                  AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
         ORDER BY relname LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some((role, table)) = refused {
        found.push(Finding::new("database-rights", "has_table_privilege", &[("role", &role), ("table", &table)]));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_lacks_what_the_schema_uses_is_named() {
        assert_eq!([14, 15, 16, 17].map(|version| of_version(version).is_some()), [true, false, false, false]);
    }
}
