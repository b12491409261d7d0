//! A finished scenario.

use std::time::Duration;

use crate::scenario::{Scenario, Taken, Viewer};
use crate::stack::Ready;

/// See the module.
#[derive(Debug)]
pub struct Run {
    /// The scenario.
    pub scenario: &'static Scenario,
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
    /// Why it was not run, if it was not.
    pub skipped: Option<String>,
}

impl Run {
    /// A scenario that is not run.
    pub fn skipped(scenario: &'static Scenario, reason: String) -> Self {
        let viewer = Viewer { user_id: String::new(), login: String::new(), character: String::new() };
        let (taken, ready) = (vec![], vec![]);
        Self { scenario, viewer, attached: true, taken, ready, took: Duration::ZERO, skipped: Some(reason) }
    }

    /// Its verdict in one word.
    pub fn verdict(&self) -> &'static str {
        match self.skipped {
            Some(_) => "skipped",
            None if self.passed() => "passed",
            None => "failed",
        }
    }

    /// Whether all steps were run and passed.
    pub fn passed(&self) -> bool {
        self.taken.len() == self.scenario.steps.len() && self.taken.iter().all(|taken| taken.outcome.is_ok())
    }
}
