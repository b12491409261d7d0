//! SyntheticDesktop.

use mgm_api_types::ErrorBody;
use mgm_api_types::mocks::{RunSequence, SequenceRun};

use super::operation::Operation;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("post", "/run-sequence", "desktop", "Take a payout to Sent")
            .body::<RunSequence>()
            .answer::<SequenceRun>(200, "All steps succeeded")
            .answer::<SequenceRun>(502, "A step failed")
            .answer::<SequenceRun>(500, "There is no API key")
            .errors::<ErrorBody>(&[400]),
        Operation::new("get", "/last-run", "desktop", "The last run").answer::<SequenceRun>(200, "The run"),
    ]
}
