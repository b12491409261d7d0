//! Runs as a JUnit report, in which each step or check is a test case.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// A suite: what belongs to one run.
#[derive(Debug)]
pub struct Suite {
    /// Its name.
    pub name: &'static str,
    /// Its test cases, in the order in which they were run.
    pub cases: Vec<Case>,
    /// How long all of it took.
    pub took: Duration,
}

/// A test case.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// How long it took, if it was run.
    pub took: Option<Duration>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a test case.
#[derive(Debug)]
pub enum Outcome {
    /// It passed; with what was observed.
    Passed(String),
    /// It failed.
    Failed {
        /// What was expected and what came.
        message: String,
        /// What to know about it.
        description: Option<String>,
    },
    /// It was not run.
    Skipped(Option<String>),
}

/// Writes the report of these suites.
pub fn write(path: &Path, suites: impl IntoIterator<Item = Suite>, took: Duration) -> Result<()> {
    let mut report = Report::new("mgm");
    report.set_time(took);
    report.add_test_suites(suites.into_iter().map(test_suite));
    let report = report.to_string().context("cannot write the JUnit report")?;
    std::fs::write(path, report).with_context(|| format!("cannot write the JUnit report {}", path.display()))
}

fn test_suite(Suite { name, cases, took }: Suite) -> TestSuite {
    let mut suite = TestSuite::new(name);
    suite.add_test_cases(cases.into_iter().map(|case| test_case(name, case)));
    suite.set_time(took);
    suite
}

fn test_case(suite: &str, Case { name, took, outcome }: Case) -> TestCase {
    let mut seen = None;
    let status = match outcome {
        Outcome::Passed(text) => {
            seen = Some(text);
            TestCaseStatus::success()
        }
        Outcome::Skipped(reason) => {
            let mut status = TestCaseStatus::skipped();
            if let Some(reason) = reason {
                status.set_message(reason);
            }
            status
        }
        Outcome::Failed { message, description } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(message);
            if let Some(description) = description {
                status.set_description(description);
            }
            status
        }
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(suite);
    if let Some(took) = took {
        case.set_time(took);
    }
    if let Some(seen) = seen {
        case.set_system_out(seen);
    }
    case
}
