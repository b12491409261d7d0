//! For tests only: a database per test, and what tests of several crates share.
//!
//! ```no_run
//! # static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate::Migrator::DEFAULT;
//! # async fn example() -> Result<(), sqlx::Error> {
//! let database = mgm_test_support::database(&MIGRATOR).await;
//! sqlx::query("SELECT 1").execute(database.pool()).await?;
//! # Ok(())
//! # }
//! ```

mod cluster;
mod database;
mod logs;
mod server;
mod wait;

pub use database::TestDatabase;
pub use mgm_postgres::Durability;
pub use server::{TestServer, VARIABLE, database};
pub use wait::until;
