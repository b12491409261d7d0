//! The Extension backend service (EBS): Twitch's notifications in, the roulette, payouts for the desktop program, and the
//! announcement in chat.

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
