//! How much is measured.

use std::time::Duration;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// How long each side is under load in each round.
    pub duration: Duration,
    /// How many times both sides take turns.
    pub rounds: u32,
}
