//! The steps of a scenario, and what comes of them.

use std::time::Duration;

use mgm_service::services::ServiceId;

/// A step of a scenario.
#[derive(Debug)]
pub struct Step {
    /// The claim that it verifies, as its name.
    pub name: &'static str,
    /// The services whose logs help when it fails.
    pub involved: &'static [ServiceId],
}

/// Why a step failed.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The expected result.
    pub expected: String,
    /// The actual result.
    pub got: String,
    /// The most likely cause, and what to do.
    pub cause: Option<String>,
}

/// A step that was run.
#[derive(Debug)]
pub struct Taken {
    /// The step.
    pub step: &'static Step,
    /// How long it took.
    pub took: Duration,
    /// What was observed, or why it failed.
    pub outcome: Result<String, Mismatch>,
}
