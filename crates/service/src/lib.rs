//! What every service of the stack shares: listening, logging, shutdown, and connection strings.

pub mod bind;
pub mod body;
pub mod connection_string;
pub mod descriptors;
pub mod health;
pub mod log;
pub mod log_throttle;
pub mod manual;
pub mod memory;
pub mod output;
pub mod serve;
pub mod services;
pub mod shutdown;

/// The allocator of every program that links this crate.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
