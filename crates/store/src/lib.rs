//! The one PostgreSQL store: every SQL statement of the project, checked at compile time.
//!
//! A [`Store`] is bound to one broadcaster. A command runs in one transaction: it locks the viewer's row, loads what
//! the rules need, lets `mgm-domain` decide, appends the events and writes the projections. After a lost race or a
//! deadlock it decides again.

mod announcements;
mod audit;
mod compare;
mod enrolment;
mod error;
mod gauges;
mod gift_queue;
mod gift_verification;
mod gifts;
mod history;
mod inbox;
mod listener;
mod payouts;
mod pool;
mod primary;
mod projection;
mod rebuild;
mod roulette;
mod streams;
mod subscription;
mod sweep;
mod tokens;
mod transaction;

use std::time::Duration;

use mgm_domain::BroadcasterId;
use sqlx::{
    Connection as _, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use announcements::{Announcement, ClaimedAnnouncement};
pub use audit::{Audit, Finding};
pub use enrolment::{Claim, Enrolment, EnrolmentOutcome, EnrolmentSession, EnrolmentSource};
pub use error::{CommandError, StoreError};
pub use gauges::{Crowd, Gauges};
pub use gift_queue::GiftView;
pub use gift_verification::{ClaimedVerification, GiftVerdict};
pub use gifts::GiftRequestOutcome;
pub use history::RecordedEvent;
pub use listener::AnnouncementListener;
pub use payouts::PayoutView;
pub use rebuild::{Difference, Rebuilt};
pub use roulette::{DrawOutcome, Verification};
pub use subscription::{ChatSubscription, SubscriptionState};
pub use sweep::Swept;
pub use tokens::{LockedTokens, StoredTokens, TokenRefusal};

/// The migrations, which only go forward.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Settings that leave the planner one plan for each statement, an index look-up per row, whatever the statistics say.
///
/// Statistics are wrong exactly when it matters: a fresh database has none when the first raid comes, a new broadcaster
/// is not in them, and a pool that was emptied looks empty until the next `ANALYZE`, while a cached plan stays as it
/// is. The cheapest plan for an empty table scans all of a large one. To leave the planner no choice,
///
/// - every statement reads tables only through an index, and joins only by looking up one row at a time;
/// - a secondary index is partial, with a condition that only a comparison of its own column implies, so that a row
///   identified by its primary key can be found only by that;
/// - a look-up by a secondary index asks for that index's order (`BETWEEN key AND key ORDER BY key` for a single row),
///   which no other index provides, and sorting is disabled;
/// - keys in an array are looked up one by one, in a `LATERAL` with a `LIMIT` that the planner cannot merge with the
///   rest. `= ANY` may become a filter over all rows, and a join may be reversed.
///
/// `tests/plans.rs` checks every statement.
const PLANNER: &[(&str, &str)] = &[
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("enable_sort", "off"),
    ("enable_incremental_sort", "off"),
    // There is one plan for all values, so replanning would only cost time; for small batches the planner would do it.
    ("plan_cache_mode", "force_generic_plan"),
    // Disabled plan types count as very expensive, and very expensive statements would be compiled first.
    ("jit", "off"),
];

/// Adds the session settings for which the store's statements are written.
#[must_use]
pub fn connect_options(connect: PgConnectOptions) -> PgConnectOptions {
    connect.options(PLANNER.iter().copied())
}

/// The store of one broadcaster. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    broadcaster: BroadcasterId,
}

/// Options for the store's connections.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The broadcaster whose data the store holds.
    pub broadcaster: BroadcasterId,
    /// The maximum number of connections.
    pub max_connections: u32,
    /// The number of connections that are kept even if idle.
    pub min_connections: u32,
    /// How long to wait for a connection before the database counts as unavailable.
    pub acquire_timeout: Duration,
}

impl Store {
    /// Connects. The database must answer; [`StoreError::is_unavailable`] tells whether it is unavailable or refuses.
    ///
    /// Of several servers, the primary is used, also after each fail-over.
    pub async fn connect(servers: Vec<PgConnectOptions>, options: StoreOptions) -> Result<Self, StoreError> {
        let servers: Vec<_> = servers.into_iter().map(connect_options).collect();
        let patience = options.acquire_timeout;
        // A pool only reports that it has waited too long; a single connection reports why it failed.
        let (primary, connection) = primary::find(&servers, patience).await?;
        let mut pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .min_connections(options.min_connections)
            .acquire_timeout(patience);
        if servers.len() == 1 {
            connection.close().await?;
            return Ok(Self::from_pool(pool.connect_with(primary).await?, options.broadcaster));
        }
        // By the time of a connection, the server at the primary's address may be a standby.
        pool = pool.after_connect(|connection, _| {
            Box::pin(async move {
                let is_standby = primary::is_standby(connection).await?;
                if is_standby { Err(std::io::Error::other("the server is a standby").into()) } else { Ok(()) }
            })
        });
        let pool = pool.connect_with(primary).await?;
        tokio::spawn(primary::follow(pool.clone(), servers, connection, patience));
        Ok(Self::from_pool(pool, options.broadcaster))
    }

    /// Makes a store of existing connections.
    #[must_use]
    pub fn from_pool(pool: PgPool, broadcaster: BroadcasterId) -> Self {
        Self { pool, broadcaster }
    }

    /// Applies the migrations. Several processes may do so at once: an advisory lock makes them take turns.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match MIGRATOR.run(&self.pool).await {
            // The schema belongs to another role, which has already migrated it.
            Err(error) if is_denied(&error) && self.ready().await.is_ok() => Ok(()),
            result => result.map_err(StoreError::from),
        }
    }

    /// Succeeds if the database answers and has every migration known here.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let applied = sqlx::query_scalar!(r#"SELECT max(version) FROM _sqlx_migrations WHERE success"#)
            .fetch_one(&self.pool)
            .await?;
        let newest = MIGRATOR.iter().map(|migration| migration.version).max();
        if applied >= newest { Ok(()) } else { Err(StoreError::NotMigrated { applied, newest }) }
    }

    /// The broadcaster whose data the store holds.
    #[must_use]
    pub const fn broadcaster(&self) -> &BroadcasterId {
        &self.broadcaster
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether the role lacks the privileges that the migrations need.
fn is_denied(error: &MigrateError) -> bool {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
        .filter_map(|error| error.downcast_ref::<sqlx::Error>()?.as_database_error()?.code())
        .any(|code| code == INSUFFICIENT_PRIVILEGE)
}
