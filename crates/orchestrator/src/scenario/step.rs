//! The steps of a scenario, and what comes of them.

use std::time::Duration;

use mgm_service::services::ServiceId;

/// A step of a scenario.
#[derive(Debug)]
pub struct Step {
    /// A claim.
    pub name: &'static str,
    /// Whose logs say more when it fails.
    pub involved: &'static [ServiceId],
}

/// Why a step failed.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// What should have come.
    pub expected: String,
    /// What came instead.
    pub got: String,
    /// What is most likely wrong, and what to do.
    pub cause: Option<String>,
}

/// A step that was taken.
#[derive(Debug)]
pub struct Taken {
    /// Which one.
    pub step: &'static Step,
    /// How long it took.
    pub took: Duration,
    /// What was seen, or why it failed.
    pub outcome: Result<String, Mismatch>,
}
