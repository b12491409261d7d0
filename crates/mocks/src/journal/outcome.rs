//! What became of a request, as the layers between say it.

use bytes::Bytes;
use mgm_api_types::mocks::{FaultKind, Verdict};

/// Marks an answer that a fault has changed.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What became of the request.
    pub(crate) verdict: Verdict,
    /// The fault.
    pub(crate) fault: FaultKind,
    /// The body of the answer, if the answer itself does not have it in one piece.
    pub(crate) body: Option<Bytes>,
}
