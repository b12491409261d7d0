//! A finished scenario.

use std::time::Duration;

use crate::scenario::{Taken, Tier, Viewer};
use crate::stack::Ready;

/// See the module.
#[derive(Debug)]
pub struct Run {
    /// Which one.
    pub tier: Tier,
    /// Who it was about.
    pub viewer: Viewer,
    /// Whether the stack was running already.
    pub attached: bool,
    /// The steps that were taken.
    pub taken: Vec<Taken>,
    /// When each service was ready, of a stack that was started.
    pub ready: Vec<Ready>,
    /// How long all of it took, start and stop of the stack included.
    pub took: Duration,
}

impl Run {
    /// Whether all steps were taken and went well.
    pub fn passed(&self) -> bool {
        self.taken.len() == self.tier.steps().len() && self.taken.iter().all(|taken| taken.outcome.is_ok())
    }
}
