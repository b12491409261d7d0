//! A scenario as a JUnit report: each step is a test case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::run::Run;
use crate::scenario::Mismatch;

/// The report of one scenario or several.
pub(super) fn report<'a>(runs: impl IntoIterator<Item = &'a Run>, took: Duration) -> Report {
    let mut report = Report::new("mgm");
    report.set_time(took);
    report.add_test_suites(runs.into_iter().map(suite));
    report
}

fn suite(run: &Run) -> TestSuite {
    let mut suite = TestSuite::new(run.scenario.name);
    for (index, step) in run.scenario.steps.iter().enumerate() {
        let taken = run.taken.get(index);
        let status = match taken.map(|taken| &taken.outcome) {
            None => TestCaseStatus::skipped(),
            Some(Ok(_)) => TestCaseStatus::success(),
            Some(Err(Mismatch { expected, got, differences, cause })) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(format!("expected {expected}, got {got}"));
                let more: Vec<_> = differences.iter().chain(cause).map(String::as_str).collect();
                if !more.is_empty() {
                    status.set_description(more.join("\n"));
                }
                status
            }
        };
        let mut case = TestCase::new(step.name.as_str(), status);
        case.set_classname(run.scenario.name);
        if let Some(taken) = taken {
            case.set_time(taken.took);
            if let Ok(seen) = &taken.outcome {
                case.set_system_out(seen);
            }
        }
        suite.add_test_case(case);
    }
    suite.set_time(run.took);
    suite
}
