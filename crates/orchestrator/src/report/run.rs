//! A finished scenario.

use std::path::PathBuf;
use std::time::Duration;

use super::exchange::Exchange;
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
    /// The calls between the parties, if a page was asked for.
    pub exchanges: Vec<Exchange>,
    /// The directory of the logs of its stack, if known.
    pub log_dir: Option<PathBuf>,
    /// Why it was not run, if it was not.
    pub skipped: Option<String>,
}

impl Run {
    /// A scenario of which nothing has been run.
    pub fn new(scenario: &'static Scenario, viewer: Viewer) -> Self {
        Self {
            scenario,
            viewer,
            attached: false,
            taken: vec![],
            ready: vec![],
            took: Duration::ZERO,
            exchanges: vec![],
            log_dir: None,
            skipped: None,
        }
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
