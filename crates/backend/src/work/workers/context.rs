//! What the workers work with.

use std::sync::Arc;

use mgm_store::Store;
use mgm_system::{Clock, RandomSource};

use crate::{
    config::BackendConfig,
    twitch::{HelixSession, SubscriptionKeeper},
    work::announcer::Announcer,
};

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WorkerContext {
    /// The configuration.
    pub config: Arc<BackendConfig>,
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<RandomSource>,
    /// Calls to Helix in the broadcaster's name.
    pub helix: HelixSession,
    /// Announces payouts.
    pub announcer: Announcer,
    /// Looks after our subscription to chat.
    pub subscription: Arc<SubscriptionKeeper>,
}
