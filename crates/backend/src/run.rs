//! From settings to a served router, and to a clean end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mgm_service::{
    serve::{BindError, Limits, Listeners, serve},
    settings::Settings,
};
use mgm_store::{Store, StoreError, StoreOptions};
use mgm_twitch::transport::ClientError;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chance::Chance,
    clock::SystemClock,
    config::{BackendConfig, ConfigError, connect_options},
    metrics, routes,
    state::AppState,
    twitch::TwitchClients,
    workers,
};

/// How long to wait for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long tasks that go on after their request, such as an announcement, may take at the end.
const TASK_GRACE: Duration = Duration::from_secs(15);

/// How long connections to the database may take to close.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// The pause between attempts to reach a database that is away at start.
const DATABASE_PAUSE: Duration = Duration::from_millis(250);

/// Why the backend did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings do not make a backend.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database is away, or its migrations fail.
    #[error("{database} cannot be used: {source}")]
    Database {
        /// Which one, without the password.
        database: String,
        /// Why.
        source: StoreError,
    },
    /// The clients of Twitch's services cannot be built.
    #[error(transparent)]
    Twitch(#[from] ClientError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// Runs the backend until `shutdown`: migrations, then the port, then the workers; at the end no accepted request is cut
/// and what goes on in the background is seen through.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), Error> {
    let config = BackendConfig::new(settings)?;
    let twitch = TwitchClients::new(&config.twitch)?;
    let Some(store) = shutdown.run_until_cancelled(open_store(&config)).await.transpose()? else {
        return Ok(());
    };
    let listeners = Listeners::bind(&config.urls)?;
    if let Some(urls) = &config.metrics_urls {
        serve_metrics(Listeners::bind(urls)?, &config.version.version, &shutdown);
    }
    let tasks = TaskTracker::new();
    let state = AppState::new(config, store, &twitch, Arc::new(SystemClock), Arc::new(Chance::from_system()), &tasks);
    workers::start(&state, &tasks, &shutdown);
    tracing::info!(addresses = ?listeners.addresses(), broadcaster = %state.config.broadcaster, "listening");
    serve(listeners, routes::router(state.clone()), Limits::default(), shutdown).await;
    let store = state.store.clone();
    // The enroller ends with the last state.
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

fn serve_metrics(listeners: Listeners, version: &str, shutdown: &CancellationToken) {
    let Some(handle) = metrics::install(version, shutdown.clone()) else {
        return tracing::warn!("metrics are kept elsewhere in this process; none are served");
    };
    tracing::info!(addresses = ?listeners.addresses(), "serving metrics");
    tokio::spawn(serve(listeners, metrics::router(handle), Limits::default(), shutdown.clone()));
}

/// Connects and migrates, waiting a while for a database that is away.
async fn open_store(config: &BackendConfig) -> Result<Store, Error> {
    let started = Instant::now();
    loop {
        match try_open_store(config).await {
            Err(error) if error.is_unavailable() && started.elapsed() < config.database_patience => {
                tracing::warn!(%error, "the database is away; trying again");
                tokio::time::sleep(DATABASE_PAUSE).await;
            }
            Err(source) => return Err(Error::Database { database: config.database.to_string(), source }),
            Ok(store) => return Ok(store),
        }
    }
}

async fn try_open_store(config: &BackendConfig) -> Result<Store, StoreError> {
    let connect = connect_options(&config.database);
    let options = StoreOptions {
        broadcaster: config.broadcaster.clone(),
        max_connections: config.max_connections,
        acquire_timeout: ACQUIRE_TIMEOUT,
    };
    probe(&connect).await?;
    let store = Store::connect(connect, options).await?;
    store.migrate().await?;
    Ok(store)
}

/// A pool only says that it has waited too long; a connection by itself says why there is none.
async fn probe(connect: &PgConnectOptions) -> Result<(), StoreError> {
    let connection = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(connect)).await;
    connection.unwrap_or(Err(sqlx::Error::PoolTimedOut))?.close().await?;
    Ok(())
}
