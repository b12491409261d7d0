//! What all workers use.

use std::sync::Arc;

use mgm_store::Store;
use mgm_system::{Clock, RandomSource};

use crate::{
    config::BackendConfig,
    twitch::{HelixSession, SubscriptionKeeper},
    work::announcer::Announcer,
};

/// What all workers use. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WorkerContext {
    /// The configuration.
    pub config: Arc<BackendConfig>,
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<RandomSource>,
    /// Calls to Helix on behalf of the broadcaster.
    pub helix: HelixSession,
    /// Announces payouts.
    pub announcer: Announcer,
    /// Maintains the chat subscription.
    pub subscription: Arc<SubscriptionKeeper>,
}
