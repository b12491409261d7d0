//! The backend over HTTP, with a separate database for each test and a stand-in for Helix.
#![cfg(test)]

mod announcements;
mod app;
mod authentication;
mod bodies;
mod claim;
#[cfg(unix)]
mod commands;
#[cfg(target_os = "linux")]
mod connections;
#[cfg(unix)]
mod crash;
mod eventsub;
mod eventsub_commands;
mod framework;
mod gifts;
mod gifts_by_chat;
mod harness;
mod helix;
mod isolation;
mod leases;
mod limits;
#[cfg(unix)]
mod metrics;
mod names;
mod openapi;
mod outage;
mod outbox;
mod payouts;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod program;
mod races;
#[cfg(unix)]
mod rotation;
mod roulette;
#[cfg(unix)]
mod secrecy;
mod statements;
mod subscription;
mod tokens;
#[cfg(unix)]
mod tracing;
mod workers;
