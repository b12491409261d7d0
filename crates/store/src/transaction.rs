//! Named transactions, which are retried when they lose a race.

use std::{
    fmt::Display,
    ops::{Deref, DerefMut},
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable};
use sqlx::{Connection as _, PgConnection, PgPool, Postgres, Transaction, pool::PoolConnection};

use crate::{CommandError, Store, StoreError};

/// How a transaction ended, as a label of the metrics.
const COMMITTED: &str = "committed";
const ROLLED_BACK: &str = "rolled_back";

/// An error of a transaction.
pub(crate) trait Failure: Display + From<StoreError> {
    /// Whether the transaction only lost a race.
    fn is_conflict(&self) -> bool;
    /// Its label in the metrics.
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

/// The work of a transaction, which is repeated when it loses a race: `async |tx: &mut PgConnection| …`.
///
/// `AsyncFn(&mut PgConnection)` is nearly the same. But it cannot require the future to be `Send`, and rustc does not
/// infer that for a future that borrows an argument (rust-lang/rust#110338), so no caller could be spawned. A closure
/// must write out the type of its parameter, since rustc does not infer it from this bound.
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

/// All statements see one snapshot.
const REPEATABLE_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";
/// The same, read-only, for reading whole tables with any kind of join and sort.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_material = on;
    SET LOCAL enable_sort = on; SET LOCAL enable_incremental_sort = on";

impl Store {
    /// Runs `work` in a transaction and commits it; if it fails, nothing is committed.
    pub(crate) async fn transaction<T, E, W>(&self, name: &'static str, work: W) -> Result<T, E>
    where
        E: Failure,
        W: for<'t> Work<'t, T, E>,
    {
        self.isolated(name, "BEGIN", work).await
    }

    /// Runs a transaction whose statements see one snapshot of the database.
    pub(crate) async fn repeatable_read<T, E, W>(&self, name: &'static str, work: W) -> Result<T, E>
    where
        E: Failure,
        W: for<'t> Work<'t, T, E>,
    {
        self.isolated(name, REPEATABLE_READ, work).await
    }

    /// Runs a read-only transaction that sees one snapshot of the database. It reads whole tables, and may use any kind
    /// of join and sort.
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
            let tx = self.pool.begin_with(begin).await.map_err(StoreError::from)?;
            complete(tx, &work).await
        })
        .await
    }

    /// Begins a transaction that its holder ends. For work that cannot be repeated, since it affects more than the
    /// database.
    pub(crate) async fn hold(&self, name: &'static str) -> Result<Held, StoreError> {
        let started = Instant::now();
        Ok(Held { name, started, tx: self.pool.begin().await? })
    }
}

/// Does the work, and commits it.
async fn complete<T, E, W>(mut tx: Transaction<'_, Postgres>, work: &W) -> Result<T, E>
where
    E: Failure,
    W: for<'t> Work<'t, T, E>,
{
    // Boxed for the same reason: a boxed future is known to be `Send`.
    let doing: Pin<Box<dyn Future<Output = Result<T, E>> + Send + '_>> = Box::pin(work.begin(&mut tx));
    // A dropped transaction is rolled back before its connection is used again; nobody has to wait for that.
    let done = doing.await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(done)
}

/// A connection for transactions that follow one another: its plans and caches are warm, and it is not tested before
/// each use as pooled connections are.
#[derive(Debug)]
pub(crate) struct KeptConnection {
    pool: PgPool,
    /// Kept between transactions, unless the last was not committed.
    connection: Mutex<Option<PoolConnection<Postgres>>>,
}

impl KeptConnection {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, connection: Mutex::default() }
    }

    /// Like [`Store::transaction`].
    pub(crate) async fn transaction<T, E, W>(&self, name: &'static str, work: W) -> Result<T, E>
    where
        E: Failure,
        W: for<'t> Work<'t, T, E>,
    {
        retrying(name, async || {
            let kept = self.kept().take();
            let was_kept = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.pool.acquire().await.map_err(StoreError::from)?,
            };
            let mut begun = connection.begin().await;
            if was_kept && begun.is_err() {
                // The kept connection was lost; pooled connections are tested.
                drop(begun);
                connection = self.pool.acquire().await.map_err(StoreError::from)?;
                begun = connection.begin().await;
            }
            let done = complete(begun.map_err(StoreError::from)?, &work).await?;
            *self.kept() = Some(connection);
            Ok(done)
        })
        .await
    }

    /// Returns the connection to the pool.
    pub(crate) fn release(&self) {
        self.kept().take();
    }

    fn kept(&self) -> MutexGuard<'_, Option<PoolConnection<Postgres>>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transaction that its holder ends.
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

/// Repeats `attempt`, one whole transaction, until it ends without a conflict; after several conflicts it gives up. A
/// single statement is a transaction by itself. Counted and timed under `name`.
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
