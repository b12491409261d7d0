//! A check, and what comes of it.

use std::time::Duration;

/// How much depends on a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// Twitch demands it, or the receiver is open to forgery without it.
    Must,
    /// Twitch advises it, or it is good manners towards messages that Twitch would never send.
    Should,
}

impl Severity {
    /// `must` or `should`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
        }
    }
}

/// What is checked.
#[derive(Debug)]
pub struct Check {
    /// Its name for machines.
    pub id: &'static str,
    /// The claim that it verifies.
    pub name: &'static str,
    /// How much depends on it.
    pub severity: Severity,
    /// What is sent.
    pub sent: &'static str,
    /// The expected answer.
    pub expected: &'static str,
    /// Why it is expected.
    pub why: &'static str,
    /// The document that says so.
    pub link: &'static str,
    /// The check that has to pass first.
    pub(super) needs: Option<&'static str>,
}

/// The outcome of a check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The receiver does as expected.
    Passed,
    /// It does not.
    Failed,
    /// Nothing can be said.
    Skipped,
}

/// A check that was run.
#[derive(Debug)]
pub struct Checked {
    /// The check.
    pub check: &'static Check,
    /// What came back; for a skipped check, why it was skipped.
    pub got: String,
    /// The outcome.
    pub outcome: Outcome,
    /// How long the answer took.
    pub took: Duration,
}

impl Checked {
    pub(super) fn skipped(check: &'static Check, reason: String) -> Self {
        Self { check, got: reason, outcome: Outcome::Skipped, took: Duration::ZERO }
    }
}
