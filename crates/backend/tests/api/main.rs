//! The backend over HTTP, against a database of its own for each test and a stand-in for Helix.
#![cfg(test)]

mod announcements;
mod app;
mod authentication;
mod claim;
mod eventsub;
mod eventsub_commands;
mod framework;
mod harness;
mod helix;
mod limits;
#[cfg(unix)]
mod metrics;
mod openapi;
mod outage;
mod payouts;
#[cfg(unix)]
mod process;
mod races;
#[cfg(unix)]
mod rotation;
mod roulette;
mod subscription;
mod tokens;
mod workers;
