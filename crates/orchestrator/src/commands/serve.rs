//! `mgm serve`: one service, in this process.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use mgm_service::services::ServiceId;
use mgm_service::shutdown::Signals;
use mgm_service::{log, shutdown};
use mgm_settings::{Problem, Settings, needs};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::{Global, Postgres, Serve, Service};
use crate::log_dir::LogDir;
use crate::report;
use crate::stack::{DatabasePlan, log_file};

pub fn run(global: &Global, options: Serve) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        match options.service {
            Service::Postgres(options) => postgres(global, options).await,
            Service::Backend => backend(prepare(global, needs::of_the_backend)?).await,
            Service::MockEventSub => stand_in(prepare(global, needs::of_a_stand_in)?, mgm_mocks::eventsub::run).await,
            Service::MockJwt => stand_in(prepare(global, needs::of_a_stand_in)?, mgm_mocks::jwt::run).await,
            Service::MockHelix => stand_in(prepare(global, needs::of_a_stand_in)?, mgm_mocks::helix::run).await,
            Service::SyntheticDesktop => {
                stand_in(prepare(global, needs::of_a_stand_in)?, mgm_mocks::synthetic_desktop::run).await
            }
        }
    })
}

/// What a service needs before it can start.
struct Prepared {
    settings: Box<Settings>,
    shutdown: CancellationToken,
}

fn prepare(global: &Global, needs: fn(&Settings) -> Vec<Problem>) -> Result<Prepared> {
    let settings = Box::new(Settings::load_for(&global.sources(), needs)?.settings);
    log::init(settings.mgm.log_format)?;
    Ok(Prepared { settings, shutdown: shutdown::on_signal().context("cannot handle signals")? })
}

async fn backend(Prepared { settings, shutdown }: Prepared) -> Result<ExitCode> {
    match mgm_backend::run(&settings, shutdown).await {
        // Neither usage nor this machine is wrong; the database may come back.
        Err(error @ mgm_backend::Error::Database { .. }) => {
            tracing::error!(%error, "the backend cannot go on");
            Ok(ExitCode::FAILURE)
        }
        result => result.map(|()| ExitCode::SUCCESS).map_err(Into::into),
    }
}

async fn stand_in(
    Prepared { settings, shutdown }: Prepared,
    run: impl AsyncFnOnce(&Settings, CancellationToken) -> Result<(), mgm_mocks::RunError>,
) -> Result<ExitCode> {
    run(&settings, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

async fn postgres(global: &Global, options: Postgres) -> Result<ExitCode> {
    let mut signals = Signals::new().context("cannot handle signals")?;
    let state = global.state()?;
    let Postgres { port, fresh, throw_away, log_file: log } = options;
    let log_dir = match log {
        Some(_) => None,
        None => Some(LogDir::open(global.log_dir.as_deref(), &state)?),
    };
    let log = log.or(log_dir.as_ref().map(|log_dir| log_file(log_dir.path(), ServiceId::Postgres)));
    let log = log.context("PostgreSQL has no log file")?;
    let plan = DatabasePlan::Own { port, data: (!throw_away).then(|| state.postgres()), fresh, log };
    // What a killed predecessor has left would say that this one is ready.
    state.unpublish();
    let database = tokio::select! {
        database = plan.start() => database?,
        () = signals.next() => return Ok(ExitCode::from(super::INTERRUPTED)),
    };
    let published = state.publish(&database.connection_string())?;
    if global.json {
        report::say(json!({ "port": port, "connectionStringFile": published.path() }));
    } else {
        report::say(format_args!(
            "PostgreSQL listens on 127.0.0.1:{port}; {} says how to reach it",
            published.path().display()
        ));
    }
    let code = tokio::select! {
        () = signals.next() => ExitCode::SUCCESS,
        last_lines = database.ended() => {
            report::note(format_args!("PostgreSQL has ended by itself\n{last_lines}"));
            ExitCode::FAILURE
        }
    };
    database.stop().await?;
    Ok(code)
}
