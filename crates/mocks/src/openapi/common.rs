//! What every stand-in has.

use mgm_api_types::ErrorBody;
use mgm_api_types::mocks::{Fault, Journal, Verified, Verify};

use super::operation::Operation;

/// The parameters that select messages of the journal.
const FILTER: &str = "kind method path status verdict client_id token token_fingerprint message_type header* since \
                      body_contains json*";

/// The parameters that name a caller.
pub(super) const CALLER: &str = "client_id token token_fingerprint";

pub(super) fn operations() -> Vec<Operation> {
    let journal = |method, path, summary| Operation::new(method, path, "journal", summary).query(FILTER);
    let faults = |method, summary| Operation::new(method, "/faults", "faults", summary);
    let control = |method, path, summary| Operation::new(method, path, "control", summary);
    [
        journal("get", "/requests", "The requests that fit").answer::<Journal>(200, "The requests"),
        journal("delete", "/requests", "Forget the requests that fit").status(204, "They are forgotten"),
        journal("get", "/requests.har", "The same as an HTTP Archive").object(200, "The archive, version 1.2", "log!"),
        journal("get", "/requests/wait", "Wait until requests that fit were answered")
            .query("count timeout_seconds")
            .answer::<Journal>(200, "The requests")
            .errors::<ErrorBody>(&[504]),
        journal("post", "/requests/verify", "Check the requests that fit")
            .body::<Verify>()
            .answer::<Verified>(200, "They are as expected")
            .errors::<ErrorBody>(&[409]),
        faults("get", "The faults that wait").array::<Fault>(200, "What is left of them"),
        faults("post", "Add faults to the script").array_body::<Fault>().array::<Fault>(200, "What waits now"),
        faults("delete", "Forget all faults, or those of a caller").query(CALLER).status(204, "They are forgotten"),
        control("post", "/reset", "Forget everything, or what a caller did")
            .query(CALLER)
            .status(204, "It is forgotten"),
        control("get", "/health", "Who this is").object(200, "It is healthy", "status!"),
        control("get", "/openapi.json", "This document").object(200, "The document", "openapi! info! paths!"),
    ]
    .into_iter()
    .map(|operation| operation.errors::<ErrorBody>(&[400]))
    .collect()
}
