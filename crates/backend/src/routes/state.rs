//! What every request and every worker shares.

use std::{ops::Deref, sync::Arc};

use axum::body::Bytes;
use mgm_store::Store;
use tokio_util::task::TaskTracker;

use crate::{
    chance::Chance,
    clock::Clock,
    config::{BackendConfig, channel::PassedOver},
    http::{
        body::BodyBudget,
        limits::{Limit, Limits},
    },
    routes,
    twitch::{HelixSession, SubscriptionKeeper, TwitchClients},
    work::{announcer::Announcer, enroller::Enroller},
};

/// The shared state. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Shared>);

/// See [`AppState`].
#[derive(Debug)]
pub struct Shared {
    /// The configuration.
    pub config: BackendConfig,
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<Chance>,
    /// Commits enrolments together.
    pub enroller: Enroller,
    /// Announces payouts.
    pub announcer: Announcer,
    /// Calls to Helix in the broadcaster's name.
    pub helix: HelixSession,
    /// Rate limits.
    pub limits: Limits,
    /// The memory for request bodies.
    pub bodies: BodyBudget,
    /// The OpenAPI document.
    pub openapi: Bytes,
    /// What the log was told of chat that is not our channel's.
    pub passed_over: PassedOver,
    /// Looks after our subscription to chat.
    pub subscription: SubscriptionKeeper,
}

impl AppState {
    /// Puts the state together; `tasks` are waited for before the process ends.
    #[must_use]
    pub fn new(
        config: BackendConfig,
        store: Store,
        twitch: &TwitchClients,
        clock: Arc<dyn Clock>,
        chance: Arc<Chance>,
        tasks: &TaskTracker,
    ) -> Self {
        let limits = Limits {
            viewer_writes: Limit::per_minute("viewer-writes", config.settings.rate_limits.viewer_writes_per_minute),
            viewer_reads: Limit::per_minute("viewer-reads", config.settings.rate_limits.viewer_reads_per_minute),
            address: Limit::per_minute("address", config.settings.rate_limits.address_per_minute),
        };
        let helix = HelixSession::new(twitch, &config, &store, &clock, tasks);
        let subscription =
            SubscriptionKeeper::new(twitch, &config, store.clone(), Arc::clone(&clock), Arc::clone(&chance));
        let enroller = Enroller::start(store.clone(), tasks);
        let announcer = Announcer::new(
            store.clone(),
            helix.clone(),
            Arc::clone(&clock),
            Arc::clone(&chance),
            tasks,
            config.settings.announcements.lease_margin,
        );
        Self(Arc::new(Shared {
            config,
            store,
            clock,
            chance,
            enroller,
            announcer,
            helix,
            limits,
            bodies: BodyBudget::default(),
            openapi: routes::openapi(),
            passed_over: PassedOver::default(),
            subscription,
        }))
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
