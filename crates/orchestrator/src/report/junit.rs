//! A scenario as a JUnit report: each step is a test case.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::run::Run;
use crate::scenario::Mismatch;

pub(super) fn report(run: &Run) -> Report {
    let mut suite = TestSuite::new(run.tier.name());
    for (index, step) in run.tier.steps().iter().enumerate() {
        let taken = run.taken.get(index);
        let status = match taken.map(|taken| &taken.outcome) {
            None => TestCaseStatus::skipped(),
            Some(Ok(_)) => TestCaseStatus::success(),
            Some(Err(Mismatch { expected, got, cause })) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(format!("expected {expected}, got {got}"));
                if let Some(cause) = cause {
                    status.set_description(cause);
                }
                status
            }
        };
        let mut case = TestCase::new(step.name, status);
        case.set_classname(run.tier.name());
        if let Some(taken) = taken {
            case.set_time(taken.took);
            if let Ok(seen) = &taken.outcome {
                case.set_system_out(seen);
            }
        }
        suite.add_test_case(case);
    }
    suite.set_time(run.took);
    let mut report = Report::new("mgm");
    report.set_time(run.took);
    report.add_test_suite(suite);
    report
}
