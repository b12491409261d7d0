//! The Extension backend service (EBS): receives Twitch's notifications, runs the roulette, gives payouts to the
//! desktop program, and announces them in chat.

pub mod chat;
pub mod cli;
pub mod config;
pub mod http;
pub mod metrics;
pub mod process;
mod retry;
pub mod routes;
pub mod text;
mod trace;
pub mod twitch;
pub mod work;

pub use process::{Error, run};

/// The version of the newest migration that this program knows.
#[must_use]
pub fn newest_migration() -> Option<i64> {
    mgm_store::MIGRATOR.iter().map(|migration| migration.version).max()
}
