//! `mgm serve`: one service, in this process.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use mgm_mocks::helix::HelixArgs;
use mgm_mocks::program::OwnArgs as _;
use mgm_service::services::ServiceId;
use mgm_service::shutdown::Signals;
use mgm_service::{log, shutdown};
use mgm_settings::{Problem, Settings, Sources, needs};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::global::GlobalArgs;
use crate::log_dir::LogDir;
use crate::stack::{DatabasePlan, log_file};
use crate::terminal;
use crate::value_parser::port;

/// The options of `mgm serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    #[command(subcommand)]
    service: ServeCommand,
}

/// The services that can be run.
#[derive(Debug, Subcommand)]
pub enum ServeCommand {
    /// The backend.
    Backend,
    /// MockEventSubWebhook: replaces Twitch's webhook sender.
    #[command(name = "mock-eventsub")]
    MockEventSub,
    /// MockExtensionJwt: replaces Twitch's token issuer.
    MockJwt,
    /// MockHelixApi: replaces Twitch's REST interface.
    MockHelix(HelixArgs),
    /// SyntheticDesktop: replaces the streamer's desktop program.
    SyntheticDesktop,
    /// The stack's own PostgreSQL, with the data of `up`.
    Postgres(PostgresArgs),
}

/// The options of `mgm serve postgres`.
#[derive(Args, Debug)]
pub struct PostgresArgs {
    /// The TCP port.
    #[arg(long, value_name = "PORT", default_value_t = 5432, value_parser = port())]
    port: u16,
    /// Start with empty data.
    #[arg(long)]
    fresh: bool,
    /// Keep no data.
    #[arg(long, hide = true, conflicts_with = "fresh")]
    throw_away: bool,
    /// Write the log to this file.
    #[arg(long, hide = true, value_name = "FILE")]
    log_file: Option<PathBuf>,
}

pub fn run(global: &GlobalArgs, options: ServeArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        match options.service {
            ServeCommand::Postgres(options) => postgres(global, options).await,
            ServeCommand::Backend => backend(prepare(&global.sources(), needs::of_the_backend)?).await,
            ServeCommand::MockEventSub => {
                stand_in(prepare(&global.sources(), needs::of_a_stand_in)?, mgm_mocks::eventsub::run).await
            }
            ServeCommand::MockJwt => {
                stand_in(prepare(&global.sources(), needs::of_a_stand_in)?, mgm_mocks::jwt::run).await
            }
            ServeCommand::MockHelix(options) => {
                let mut sources = global.sources();
                options.apply(&mut sources);
                stand_in(prepare(&sources, needs::of_a_stand_in)?, mgm_mocks::helix::run).await
            }
            ServeCommand::SyntheticDesktop => {
                stand_in(prepare(&global.sources(), needs::of_a_stand_in)?, mgm_mocks::synthetic_desktop::run).await
            }
        }
    })
}

/// What a service needs before it can start.
struct Prepared {
    settings: Box<Settings>,
    shutdown: CancellationToken,
}

fn prepare(sources: &Sources, needs: fn(&Settings) -> Vec<Problem>) -> Result<Prepared> {
    let settings = Box::new(Settings::load_for(sources, needs)?.settings);
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

async fn postgres(global: &GlobalArgs, options: PostgresArgs) -> Result<ExitCode> {
    let mut signals = Signals::new().context("cannot handle signals")?;
    let state = global.state()?;
    let PostgresArgs { port, fresh, throw_away, log_file: log } = options;
    let log_dir = match log {
        Some(_) => None,
        None => Some(LogDir::open(global.log_dir.as_deref(), &state)?),
    };
    let log = log.or(log_dir.as_ref().map(|log_dir| log_file(log_dir.path(), ServiceId::Postgres)));
    let log = log.context("PostgreSQL has no log file")?;
    let plan = DatabasePlan::Own { port, data: (!throw_away).then(|| state.postgres()), fresh, log };
    // A file left by a killed predecessor would make this one appear ready.
    state.unpublish();
    let database = tokio::select! {
        database = plan.start() => database?,
        () = signals.next() => return Ok(ExitCode::from(super::INTERRUPTED)),
    };
    let published = state.publish(&database.connection_string())?;
    if global.json {
        terminal::say(json!({ "port": port, "connectionStringFile": published.path() }));
    } else {
        terminal::say(format_args!(
            "PostgreSQL listens on 127.0.0.1:{port}; {} says how to reach it",
            published.path().display()
        ));
    }
    let code = tokio::select! {
        () = signals.next() => ExitCode::SUCCESS,
        last_lines = database.ended() => {
            terminal::note(format_args!("PostgreSQL has stopped unexpectedly\n{last_lines}"));
            ExitCode::FAILURE
        }
    };
    database.stop().await?;
    Ok(code)
}
