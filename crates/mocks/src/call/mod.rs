//! What Helix, the token service and the admin API share: the state of MockHelixApi, and a call with its parameters, its
//! answer.

mod answer;
mod headers;
mod parameters;
mod sent;

use std::sync::Arc;

use mgm_system::RandomSource;

pub(crate) use answer::{Answer, bad_request, forbidden, unauthorized};
pub(crate) use headers::{CLIENT_ID, text};
pub(crate) use parameters::{Call, MOST, PAGE, Parameters};

use crate::events::Hub;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::matching::Matcher;
use crate::world::World;
use sent::Sent;

/// The state of MockHelixApi.
#[derive(Debug)]
pub(crate) struct MockTwitch {
    pub(crate) world: Arc<World>,
    /// Passes on what happens.
    pub(crate) hub: Hub,
    pub(crate) random: Arc<RandomSource>,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    /// The chat messages that count as sent.
    pub(crate) sent: Sent,
}

impl MockTwitch {
    pub(crate) fn new(world: World, random: Arc<RandomSource>, journal: Journal) -> Self {
        let (world, faults) = (Arc::new(world), Faults::default());
        let hub = Hub::new(Arc::clone(&world), journal.clone(), faults.clone());
        Self { world, hub, random, faults, journal, sent: Sent::default() }
    }

    /// Returns to the initial state, or forgets what one caller did: the world is everybody's.
    pub(crate) fn reset(&self, caller: Option<&Matcher>) {
        self.sent.forget(caller);
        if caller.is_none() {
            self.hub.reset();
            self.world.reset();
        }
    }
}
