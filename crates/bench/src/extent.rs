//! How much is measured.

use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// How long each side is under load in each round.
    pub duration: Duration,
    /// How many times both sides take turns.
    pub rounds: u32,
}
