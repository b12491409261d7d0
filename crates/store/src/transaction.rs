//! Named transactions, decided anew when they lose a race.

use std::{
    fmt::Display,
    ops::{Deref, DerefMut},
    pin::Pin,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable};
use sqlx::{PgConnection, Postgres, Transaction};

use crate::{CommandError, Store, StoreError};

/// How a transaction ends, for the metrics.
const COMMITTED: &str = "committed";
const ROLLED_BACK: &str = "rolled_back";

/// What a transaction may fail with.
pub(crate) trait Failure: Display + From<StoreError> {
    /// Whether it only lost a race.
    fn is_conflict(&self) -> bool;
    /// What the metrics call it.
    fn label(&self) -> &'static str;
}

impl Failure for StoreError {
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

impl Failure for CommandError {
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

/// What is done in a transaction, and done anew when it loses a race: `async |tx: &mut PgConnection| …`.
///
/// `AsyncFn(&mut PgConnection)` says nearly the same. But it cannot say that the future is `Send`, and rustc does not find out
/// by itself for a future that borrows an argument (rust-lang/rust#110338), so that no caller could be spawned. A closure's
/// parameter has to have its type written out, since this is no bound that rustc infers it from.
pub(crate) trait Work<'t, T, E> {
    fn begin(&self, tx: &'t mut PgConnection) -> impl Future<Output = Result<T, E>> + Send;
}

impl<'t, T, E, F, Fut> Work<'t, T, E> for F
where
    F: Fn(&'t mut PgConnection) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send,
{
    fn begin(&self, tx: &'t mut PgConnection) -> impl Future<Output = Result<T, E>> + Send {
        self(tx)
    }
}

/// One snapshot for all statements.
const REPEATABLE_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";
/// The same for reading whole tables, which are joined and sorted as it goes best.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_material = on;
    SET LOCAL enable_sort = on; SET LOCAL enable_incremental_sort = on";

impl Store {
    /// Commits what `work` does, or nothing of it where it fails.
    pub(crate) async fn transaction<T, E, W>(&self, name: &'static str, work: W) -> Result<T, E>
    where
        E: Failure,
        W: for<'t> Work<'t, T, E>,
    {
        self.isolated(name, "BEGIN", work).await
    }

    /// A transaction whose statements see one moment of the database.
    pub(crate) async fn repeatable_read<T, E, W>(&self, name: &'static str, work: W) -> Result<T, E>
    where
        E: Failure,
        W: for<'t> Work<'t, T, E>,
    {
        self.isolated(name, REPEATABLE_READ, work).await
    }

    /// A transaction that only reads, and sees one moment of the database. It reads whole tables, and may join and sort them
    /// as it goes best.
    pub(crate) async fn snapshot<T, W>(&self, name: &'static str, work: W) -> Result<T, StoreError>
    where
        W: for<'t> Work<'t, T, StoreError>,
    {
        self.isolated(name, SNAPSHOT, work).await
    }

    async fn isolated<T, E, W>(&self, name: &'static str, begin: &'static str, work: W) -> Result<T, E>
    where
        E: Failure,
        W: for<'t> Work<'t, T, E>,
    {
        retrying(name, async || {
            let mut tx = self.pool.begin_with(begin).await.map_err(StoreError::from)?;
            // Boxed for the same reason: of what is boxed it is known that it is `Send`.
            let doing: Pin<Box<dyn Future<Output = Result<T, E>> + Send + '_>> = Box::pin(work.begin(&mut tx));
            // Dropped, a transaction is rolled back before its connection is used again; nobody has to wait for that.
            let done = doing.await?;
            tx.commit().await.map_err(StoreError::from)?;
            Ok(done)
        })
        .await
    }

    /// Begins a transaction that its holder ends. For what cannot be done anew, since it is not about the database alone.
    pub(crate) async fn hold(&self, name: &'static str) -> Result<Held, StoreError> {
        let started = Instant::now();
        Ok(Held { name, started, tx: self.pool.begin().await? })
    }
}

/// A transaction in somebody's hands.
#[derive(Debug)]
pub(crate) struct Held {
    name: &'static str,
    started: Instant,
    tx: Transaction<'static, Postgres>,
}

impl Held {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let result = self.tx.commit().await.map_err(StoreError::from);
        record(self.name, self.started, result.as_ref().map_or_else(Failure::label, |()| COMMITTED));
        result
    }

    pub(crate) async fn rollback(self) -> Result<(), StoreError> {
        let result = self.tx.rollback().await.map_err(StoreError::from);
        record(self.name, self.started, result.as_ref().map_or_else(Failure::label, |()| ROLLED_BACK));
        result
    }
}

impl Deref for Held {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

/// Runs `attempt`, one whole transaction, until it does not end in a conflict; after several it gives up. A single statement
/// is a transaction of its own. Counted and timed under `name`.
pub(crate) async fn retrying<T, E, F, Fut>(name: &'static str, attempt: F) -> Result<T, E>
where
    E: Failure,
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
    record(name, started, result.as_ref().map_or_else(E::label, |_| COMMITTED));
    result
}

fn record(name: &'static str, started: Instant, outcome: &'static str) {
    metrics::counter!("mgm_store_transactions_total", "name" => name, "outcome" => outcome).increment(1);
    metrics::histogram!("mgm_store_transaction_seconds", "name" => name).record(started.elapsed().as_secs_f64());
}
