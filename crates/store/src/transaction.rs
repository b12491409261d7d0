//! Named transactions, decided anew when they lose a race.

use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use sqlx::{Postgres, Transaction};

use crate::{CommandError, Store, StoreError};

/// What a transaction may end with.
pub(crate) trait Retry {
    /// Whether it only lost a race.
    fn is_conflict(&self) -> bool;
    /// What the metrics call it.
    fn label(&self) -> &'static str;
}

impl Retry for StoreError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "conflict",
            Self::Unavailable(_) => "unavailable",
            Self::BadRow { .. }
            | Self::BadEvent { .. }
            | Self::ImpossibleEvent { .. }
            | Self::NotMigrated { .. }
            | Self::Migration(_)
            | Self::Database(_) => "failed",
        }
    }
}

impl Retry for CommandError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Failed(error) => error.is_conflict(),
            Self::Rejected(_) => false,
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Failed(error) => error.label(),
            Self::Rejected(_) => "rejected",
        }
    }
}

/// Runs `attempt`, one whole transaction, until it does not end in a conflict; after several it gives up. Counted and
/// timed under `name`.
pub(crate) async fn retrying<T, E, F, Fut>(name: &'static str, attempt: F) -> Result<T, E>
where
    E: Retry + std::fmt::Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let started = Instant::now();
    let policy = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(2))
        .with_max_delay(Duration::from_millis(200))
        .with_max_times(12)
        .with_jitter();
    let retries = metrics::counter!("mgm_store_transaction_retries_total", "name" => name);
    let result = attempt
        .retry(policy)
        .when(E::is_conflict)
        .notify(|error, _| {
            tracing::debug!(transaction = name, %error, "transaction lost a race and is decided anew");
            retries.increment(1);
        })
        .await;
    let outcome = result.as_ref().map_or_else(E::label, |_| "committed");
    metrics::counter!("mgm_store_transactions_total", "name" => name, "outcome" => outcome).increment(1);
    metrics::histogram!("mgm_store_transaction_seconds", "name" => name).record(started.elapsed().as_secs_f64());
    result
}

impl Store {
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        Ok(self.pool.begin().await?)
    }

    /// A transaction that only reads, and sees one moment of the database. It reads whole tables, and may join and sort them
    /// as it goes best.
    pub(crate) async fn begin_snapshot(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        sqlx::raw_sql(
            "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_material = on;
             SET LOCAL enable_sort = on; SET LOCAL enable_incremental_sort = on",
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx)
    }
}
