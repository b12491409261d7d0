//! From settings to a served router, and to a clean end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use mgm_service::{
    serve::{BindError, Limits, Listeners, serve},
    settings::Settings,
};
use mgm_store::{Store, StoreError, StoreOptions};
use mgm_twitch::{helix::Helix, transport::ClientError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chance::Chance,
    clock::SystemClock,
    config::{BackendConfig, ConfigError, connect_options},
    routes,
    state::AppState,
    workers,
};

/// How long to wait for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long tasks that go on after their request, such as an announcement, may take at the end.
const TASK_GRACE: Duration = Duration::from_secs(15);

/// Why the backend did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings do not make a backend.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database is away, or its migrations fail.
    #[error("the database cannot be used: {0}")]
    Database(#[from] StoreError),
    /// The client for Helix cannot be built.
    #[error(transparent)]
    Helix(#[from] ClientError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// Runs the backend until `shutdown`: migrations, then the port, then the workers; at the end no accepted request is cut
/// and what goes on in the background is seen through.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), Error> {
    let config = BackendConfig::new(settings)?;
    let helix = Helix::new(config.helix_base_url.clone(), config.helix_timeout)?;
    let metrics = install_metrics();
    let Some(store) = shutdown.run_until_cancelled(open_store(&config)).await.transpose()? else {
        return Ok(());
    };
    let listeners = Listeners::bind(&config.urls)?;
    let metrics_listeners = config.metrics_urls.as_ref().map(Listeners::bind).transpose()?;
    let tasks = TaskTracker::new();
    let clock = Arc::new(SystemClock);
    let state = AppState::new(config, store, helix, clock, Arc::new(Chance::from_system()), &tasks);
    workers::start(&state, &tasks, &shutdown);
    if let (Some(listeners), Some(handle)) = (metrics_listeners, metrics) {
        tracing::info!(addresses = ?listeners.addresses(), "metrics");
        let router = Router::new().route("/metrics", get(async move || handle.render()));
        tokio::spawn(serve(listeners, router, Limits::default(), shutdown.clone()));
    }
    tracing::info!(addresses = ?listeners.addresses(), broadcaster = %state.config.broadcaster, "listening");
    serve(listeners, routes::router(state.clone()), Limits::default(), shutdown).await;
    let store = state.store.clone();
    // The enroller ends with the last state.
    drop(state);
    tasks.close();
    if tokio::time::timeout(TASK_GRACE, tasks.wait()).await.is_err() {
        tracing::warn!("tasks were still running after {} s", TASK_GRACE.as_secs());
    }
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Connects and migrates, waiting a while for a database that is away.
async fn open_store(config: &BackendConfig) -> Result<Store, StoreError> {
    let started = Instant::now();
    loop {
        let options = StoreOptions {
            broadcaster: config.broadcaster.clone(),
            max_connections: config.max_connections,
            acquire_timeout: ACQUIRE_TIMEOUT,
        };
        let opened = async {
            let store = Store::connect(connect_options(&config.database), options).await?;
            store.migrate().await?;
            Ok::<_, StoreError>(store)
        };
        match opened.await {
            Err(error) if error.is_unavailable() && started.elapsed() < config.database_patience => {
                tracing::warn!(%error, "the database is away; trying again");
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            opened => return opened,
        }
    }
}

/// Makes this process's metrics readable; `None` when another recorder is there already.
fn install_metrics() -> Option<PrometheusHandle> {
    const SECONDS: [f64; 13] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
    builder.ok()?.install_recorder().ok()
}
