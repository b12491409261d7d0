//! Databases for a single run in somebody else's PostgreSQL. A run that is killed cannot drop its own; a later run does.

use std::time::Duration;

use mgm_system::{Clock as _, RandomSource, SystemClock};
use sqlx::{AssertSqlSafe, PgConnection};

/// The prefix of the name, before the time of creation, in seconds since the epoch, and some letters.
const PREFIX: &str = "mgm_throw_away_";
/// A run keeps sessions on its database. It may have none for a moment, but not when the database is this old.
const STALE_AFTER: Duration = Duration::from_secs(3600);

/// A new, unique name that includes the time.
pub(super) fn name(random: &RandomSource) -> String {
    format!("{PREFIX}{}_{}", SystemClock.now().unix_timestamp(), random.letters(12))
}

/// Drops what killed runs have left: old databases with such a name and without sessions.
pub(super) async fn drop_stale(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let unused: Vec<String> = sqlx::query_scalar(
        "SELECT datname FROM pg_database WHERE starts_with(datname, $1)
         AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pg_stat_activity.datname = pg_database.datname)",
    )
    .bind(PREFIX)
    .fetch_all(&mut *connection)
    .await?;
    let now = SystemClock.now().unix_timestamp();
    for name in unused.iter().filter(|name| is_stale(name, now)) {
        // Not forced, since somebody may connect at this moment. A user who may not drop it leaves it to its owner.
        let _ = sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).execute(&mut *connection).await;
    }
    Ok(())
}

/// Whether it is one of our names, of letters, digits and underscores, and old.
fn is_stale(name: &str, now: i64) -> bool {
    let parts = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
    let Some((Ok(created), letters)) = parts.map(|(created, letters)| (created.parse::<i64>(), letters)) else {
        return false;
    };
    let is_ours = letters.len() == 12 && letters.bytes().all(|letter| letter.is_ascii_lowercase());
    is_ours && now.saturating_sub(created) > STALE_AFTER.as_secs().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_databases_of_our_own_name_are_stale() {
        let created = SystemClock.now().unix_timestamp();
        let ours = name(&RandomSource::from_system());
        assert!(!is_stale(&ours, created));
        assert!(is_stale(&ours, created + 3700));
        for other in ["mgm", "mgm_throw_away_", "mgm_throw_away_1_x; DROP", "mgm_throw_away_x_abcdefghijkl", "theirs"] {
            assert!(!is_stale(other, created + 3700), "{other}");
        }
    }
}
