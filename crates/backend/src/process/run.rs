//! Runs the backend, from settings to clean shutdown.

use std::{sync::Arc, time::Duration};

use mgm_service::{
    serve::{Limits, Listeners, serve},
    services::ServiceId,
};
use mgm_settings::Settings;
use mgm_system::{RandomSource, SystemClock};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{database, error::Error};
use crate::{
    config::BackendConfig,
    metrics,
    routes::{self, state::AppState},
    twitch::TwitchClients,
    work::workers,
};

/// How long tasks that outlive their request, such as an announcement, may take at shutdown.
const TASK_GRACE: Duration = Duration::from_secs(15);

/// How long database connections may take to close.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// Connections to the metrics, which few clients use.
const METRICS_CONNECTIONS: usize = 32;

/// Runs the backend until `shutdown`: migrations, then the port, then the workers. At shutdown, accepted requests are
/// answered and background tasks are completed.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), Error> {
    let config = BackendConfig::new(settings)?;
    let twitch = TwitchClients::new(&config.twitch)?;
    let Some(store) = shutdown.run_until_cancelled(database::open(&config.database)).await.transpose()? else {
        return Ok(());
    };
    let listeners = Listeners::bind(&config.settings.urls(ServiceId::Backend))?;
    if let Some(urls) = &config.settings.mgm.metrics_urls {
        serve_metrics(Listeners::bind(urls)?, &config.version.version, &shutdown);
    }
    let tasks = TaskTracker::new();
    let state =
        AppState::new(config, store, &twitch, Arc::new(SystemClock), Arc::new(RandomSource::from_system()), &tasks);
    workers::start(&state.worker_context(), &tasks, &shutdown);
    tracing::info!(addresses = ?listeners.addresses(), broadcaster = %state.config.broadcaster, "listening");
    serve(listeners, routes::router(state.clone()), limits(&state), shutdown).await;
    let store = state.store.clone();
    // The enroller ends when the last state is dropped.
    drop(state);
    tasks.close();
    if timeout(TASK_GRACE, tasks.wait()).await.is_err() {
        tracing::warn!("tasks were still running after {} s", TASK_GRACE.as_secs());
    }
    if timeout(CLOSE_TIME, store.close()).await.is_err() {
        tracing::warn!("the database did not close its connections in time");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Limits connections so that enough descriptors remain for the database and for Twitch.
fn limits(state: &AppState) -> Limits {
    let limits = Limits::default();
    Limits {
        kept_descriptors: limits.kept_descriptors
            + METRICS_CONNECTIONS
            + state.config.database.max_connections as usize,
        trusted_proxies: state.config.settings.mgm.trusted_proxies.clone(),
        memory: state.bodies.memory(),
        ..limits
    }
}

fn serve_metrics(listeners: Listeners, version: &str, shutdown: &CancellationToken) {
    let Some(handle) = metrics::install(version, shutdown.clone()) else {
        return tracing::warn!("metrics are kept elsewhere in this process; none are served");
    };
    tracing::info!(addresses = ?listeners.addresses(), "serving metrics");
    let limits = Limits { connections: METRICS_CONNECTIONS, ..Limits::default() };
    tokio::spawn(serve(listeners, metrics::router(handle), limits, shutdown.clone()));
}
