//! The Extension backend service (EBS): Twitch's notifications in, the roulette, payouts for the desktop program, and the
//! announcement in chat.

pub mod announcer;
mod around;
pub mod auth;
pub mod body;
pub mod chance;
pub mod channel;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod enroller;
pub mod error;
pub mod extract;
mod gifts;
pub mod lease;
pub mod limits;
pub mod metrics;
pub mod request_context;
pub mod routes;
mod run;
pub mod state;
mod subscriber;
pub mod telemetry;
pub mod text;
mod trace;
pub mod twitch;
pub mod workers;

pub use run::{Error, run};
