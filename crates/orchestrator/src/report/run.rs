//! A finished scenario.

use std::time::Duration;

use crate::scenario::{Taken, Tier, Viewer};
use crate::stack::Ready;

/// See the module.
#[derive(Debug)]
pub struct Run {
    /// The scenario.
    pub tier: Tier,
    /// Its viewer.
    pub viewer: Viewer,
    /// Whether the stack was already running.
    pub attached: bool,
    /// The steps that were run.
    pub taken: Vec<Taken>,
    /// When each service became ready, if the stack was started.
    pub ready: Vec<Ready>,
    /// How long the whole run took, including start and stop of the stack.
    pub took: Duration,
}

impl Run {
    /// Whether all steps were run and passed.
    pub fn passed(&self) -> bool {
        self.taken.len() == self.tier.steps().len() && self.taken.iter().all(|taken| taken.outcome.is_ok())
    }
}
