//! What all requests share.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use mgm_store::Store;
use mgm_system::{Clock, RandomSource};
use tokio_util::task::TaskTracker;

use crate::{
    chat::Chat,
    config::BackendConfig,
    http::{
        auth::{DesktopKeys, PanelAccess},
        body::BodyBudget,
        limits::RequestLimits,
    },
    twitch::{HelixSession, SubscriptionKeeper, TwitchClients},
    work::{announcer::Announcer, enroller::Enroller, workers::WorkerContext},
};

/// The shared state. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Shared>);

/// See [`AppState`].
#[derive(Debug)]
pub struct Shared {
    /// The configuration.
    pub config: Arc<BackendConfig>,
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<RandomSource>,
    /// Commits enrolments together.
    pub enroller: Enroller,
    /// Announces payouts.
    pub announcer: Announcer,
    /// Calls to Helix on behalf of the broadcaster.
    pub helix: HelixSession,
    /// Rate limits.
    pub limits: Arc<RequestLimits>,
    /// The keys of the desktop program.
    pub desktop_keys: DesktopKeys,
    /// What is needed to verify the panel's tokens.
    pub panel_access: Arc<PanelAccess>,
    /// The memory for request bodies.
    pub bodies: BodyBudget,
    /// Processes chat commands.
    pub chat: Chat,
    /// Maintains the chat subscription.
    pub subscription: Arc<SubscriptionKeeper>,
}

impl AppState {
    /// Assembles the state; the process waits for `tasks` before it ends.
    #[must_use]
    pub fn new(
        config: BackendConfig,
        store: Store,
        twitch: &TwitchClients,
        clock: Arc<dyn Clock>,
        random: Arc<RandomSource>,
        tasks: &TaskTracker,
    ) -> Self {
        let limits = Arc::new(RequestLimits::new(&config.settings.rate_limits));
        let panel_access = PanelAccess {
            keys: config.extension_keys.clone(),
            extension: config.settings.twitch.extension_client_id.clone(),
            channel: config.channel.clone(),
            clock: Arc::clone(&clock),
            limits: Arc::clone(&limits),
        };
        let desktop_keys = config.settings.mgm.api_keys().cloned().collect();
        let helix = HelixSession::new(twitch, &config, &store, &clock, tasks);
        let subscription =
            SubscriptionKeeper::new(twitch, &config, store.clone(), Arc::clone(&clock), Arc::clone(&random));
        let enroller = Enroller::start(store.clone(), tasks);
        let announcer = Announcer::new(
            store.clone(),
            helix.clone(),
            Arc::clone(&clock),
            Arc::clone(&random),
            tasks,
            config.settings.announcements.lease_margin,
        );
        let config = Arc::new(config);
        let chat =
            Chat::new(Arc::clone(&config), store.clone(), enroller.clone(), Arc::clone(&clock), Arc::clone(&random));
        Self(Arc::new(Shared {
            config,
            store,
            clock,
            random,
            enroller,
            announcer,
            helix,
            limits,
            desktop_keys,
            panel_access: Arc::new(panel_access),
            bodies: BodyBudget::default(),
            chat,
            subscription: Arc::new(subscription),
        }))
    }

    /// The parts that the workers need.
    #[must_use]
    pub fn worker_context(&self) -> WorkerContext {
        WorkerContext {
            config: Arc::clone(&self.config),
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            helix: self.helix.clone(),
            announcer: self.announcer.clone(),
            subscription: Arc::clone(&self.subscription),
        }
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<AppState> for BodyBudget {
    fn from_ref(state: &AppState) -> Self {
        state.bodies.clone()
    }
}

impl FromRef<AppState> for DesktopKeys {
    fn from_ref(state: &AppState) -> Self {
        state.desktop_keys.clone()
    }
}

impl FromRef<AppState> for Arc<PanelAccess> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.panel_access)
    }
}
