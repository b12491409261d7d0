//! What comes of a step.

use std::time::Duration;

use time::OffsetDateTime;

use super::call::Call;
use super::document::Step;

/// Why a step failed.
#[derive(Clone, Debug, Default)]
pub struct Mismatch {
    /// The expected result.
    pub expected: String,
    /// The actual result.
    pub got: String,
    /// Where they differ.
    pub differences: Vec<String>,
    /// The most likely cause, and what to do.
    pub cause: Option<String>,
}

/// A step that was run.
#[derive(Debug)]
pub struct Taken {
    /// The step.
    pub step: &'static Step,
    /// When it began, by this machine's clock.
    pub at: OffsetDateTime,
    /// How long it took.
    pub took: Duration,
    /// The calls that it made.
    pub calls: Vec<Call>,
    /// What was observed, or why it failed.
    pub outcome: Result<String, Mismatch>,
}
