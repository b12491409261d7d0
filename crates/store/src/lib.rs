//! The one PostgreSQL store: every SQL statement of the project, checked at compile time.
//!
//! A [`Store`] is bound to one broadcaster. A command runs in one transaction: it locks the viewer's row, loads what the
//! rules need, lets `mgm-domain` decide, appends the events and writes the projections. A lost race or a deadlock is
//! decided anew.

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

/// The migrations, forward only.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// How the planner is held to one plan for each statement, an index look-up a row, whatever the statistics say.
///
/// Statistics are wrong exactly when it matters: a fresh database has none when the first raid comes, a new broadcaster is
/// not in them, and a pool that was emptied looks empty until the next `ANALYZE`, while a cached plan stays as it was made.
/// What is cheapest in an empty table walks all of a large one. So that nothing is left to choose,
///
/// - no statement reads a table but through an index, and none joins but by looking up a row at a time;
/// - a secondary index is partial, by a condition that only a comparison of its own column implies, so that a row which is
///   named by its primary key can be found by that alone;
/// - what is to be found by a secondary index is asked for in that index's order (`BETWEEN key AND key ORDER BY key` where
///   it is one row), which no other provides and sorting may not;
/// - keys in an array are looked up one by one, in a `LATERAL` with a `LIMIT` that the planner cannot merge with the rest.
///   `= ANY` may be taken for a filter of all rows, and a join may be turned around.
///
/// `tests/plans.rs` holds every statement to it.
const PLANNER: &[(&str, &str)] = &[
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("enable_sort", "off"),
    ("enable_incremental_sort", "off"),
    // There is one plan for all values, so making it anew for each would only cost; small batches would have that made.
    ("plan_cache_mode", "force_generic_plan"),
    // What is switched off counts as very dear, and very dear statements would be compiled first.
    ("jit", "off"),
];

/// The same connections with the settings of the session that the store's statements are written for.
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

/// How to hold connections.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Whose data it is.
    pub broadcaster: BroadcasterId,
    /// The most connections held at once.
    pub max_connections: u32,
    /// The fewest that are kept, used or not.
    pub min_connections: u32,
    /// How long to wait for one before the database counts as away.
    pub acquire_timeout: Duration,
}

impl Store {
    /// Connects. The database must answer; [`StoreError::is_unavailable`] tells one that is away from one that refuses.
    ///
    /// Of several servers, the primary is used, and that of the time after every fail-over.
    pub async fn connect(servers: Vec<PgConnectOptions>, options: StoreOptions) -> Result<Self, StoreError> {
        let servers: Vec<_> = servers.into_iter().map(connect_options).collect();
        let patience = options.acquire_timeout;
        // A pool only says that it has waited too long; a connection by itself says why there is none.
        let (primary, connection) = primary::find(&servers, patience).await?;
        let mut pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .min_connections(options.min_connections)
            .acquire_timeout(patience);
        if servers.len() == 1 {
            connection.close().await?;
            return Ok(Self::from_pool(pool.connect_with(primary).await?, options.broadcaster));
        }
        // The address that was the primary's may be a standby's by the time a connection is made.
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

    /// A store over connections that are already there.
    #[must_use]
    pub fn from_pool(pool: PgPool, broadcaster: BroadcasterId) -> Self {
        Self { pool, broadcaster }
    }

    /// Applies the migrations. Safe in several processes at once: they take turns by an advisory lock.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match MIGRATOR.run(&self.pool).await {
            // The schema belongs to another role, which has brought it up.
            Err(error) if is_denied(&error) && self.ready().await.is_ok() => Ok(()),
            result => result.map_err(StoreError::from),
        }
    }

    /// Succeeds when the database answers and every migration known here is in.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let applied = sqlx::query_scalar!(r#"SELECT max(version) FROM _sqlx_migrations WHERE success"#)
            .fetch_one(&self.pool)
            .await?;
        let newest = MIGRATOR.iter().map(|migration| migration.version).max();
        if applied >= newest { Ok(()) } else { Err(StoreError::NotMigrated { applied, newest }) }
    }

    /// Whose data it is.
    #[must_use]
    pub const fn broadcaster(&self) -> &BroadcasterId {
        &self.broadcaster
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether the role may not do what the migrations do.
fn is_denied(error: &MigrateError) -> bool {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
        .filter_map(|error| error.downcast_ref::<sqlx::Error>()?.as_database_error()?.code())
        .any(|code| code == INSUFFICIENT_PRIVILEGE)
}
