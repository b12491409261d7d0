//! What Helix, the token service and the admin API share: the state of MockHelixApi, and a call with its parameters, its
//! answer and its faults.

mod answer;
mod faults;
mod parameters;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use mgm_api_types::mocks::{LastRequest, SentMessages};
use mgm_system::RandomSource;

pub(crate) use answer::{Answer, bad_request, forbidden, unauthorized};
pub(crate) use faults::Faults;
pub(crate) use parameters::{Call, MOST, PAGE, Parameters};

use crate::world::World;

/// The header with the client's id.
pub(crate) const CLIENT_ID: &str = "client-id";

/// The state of MockHelixApi.
#[derive(Debug)]
pub(crate) struct MockTwitch {
    pub(crate) world: World,
    pub(crate) random: Arc<RandomSource>,
    pub(crate) faults: Faults,
    last_request: Mutex<LastRequest>,
    sent: Mutex<SentMessages>,
}

impl MockTwitch {
    pub(crate) fn new(world: World, random: Arc<RandomSource>) -> Self {
        let (faults, last_request, sent) = (Faults::default(), Mutex::default(), Mutex::default());
        Self { world, random, faults, last_request, sent }
    }

    /// The last chat message that counts as sent.
    pub(crate) fn last_request(&self) -> MutexGuard<'_, LastRequest> {
        // The value is only ever replaced as a whole.
        self.last_request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All chat messages that count as sent.
    pub(crate) fn sent(&self) -> MutexGuard<'_, SentMessages> {
        // No panic can leave a change incomplete.
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns to the initial state.
    pub(crate) fn reset(&self) {
        *self.last_request() = LastRequest::default();
        *self.sent() = SentMessages::default();
        self.faults.reset();
        self.world.reset();
    }
}

/// The header's value; empty if there is none.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
