//! A stand-in as a process.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use axum::Router;
use clap::{CommandFactory, FromArgMatches, Subcommand};
use clap_complete::Shell;
use mgm_http_client::ClientError;
use mgm_service::log::{self, LogError};
use mgm_service::serve::{BindError, Limits, Listeners, serve};
use mgm_service::services::{SERVICES, Service, ServiceId};
use mgm_service::{descriptors, health, manual, output, shutdown};
use mgm_settings::{Loaded, Settings, SettingsArgs, SettingsError, Sources};
use tokio_util::sync::CancellationToken;

use crate::world::FixtureError;

/// Why a stand-in cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It cannot listen on its address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// No HTTP client can be built.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The fixture cannot be used.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// The API key cannot be sent in a header.
    #[error("Mgm__ApiKey: the key has characters that are not allowed in a header")]
    ApiKey,
}

/// Listens on the configured address, or else on loopback and the service's own port, until `shutdown`.
pub(crate) async fn listen(
    id: ServiceId,
    settings: &Settings,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let service = id.service();
    let listeners = Listeners::bind(&settings.urls(id))?;
    for address in listeners.addresses() {
        tracing::info!(component = service.component, %address, "listening");
    }
    serve(listeners, router, Limits::default(), shutdown).await;
    Ok(())
}

/// The options that only one stand-in has; they override settings.
pub trait OwnArgs: clap::Args {
    /// Sets the variables that the options stand for.
    fn apply(&self, sources: &mut Sources);
}

/// No options of its own.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct NoArgs {}

impl OwnArgs for NoArgs {
    fn apply(&self, _: &mut Sources) {}
}

/// The command line of a stand-in's own program.
#[derive(Debug, clap::Parser)]
#[command(version)]
struct StandInCli<A: OwnArgs> {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    own: A,
    #[command(subcommand)]
    command: Option<StandInCommand>,
}

#[derive(Debug, Subcommand)]
enum StandInCommand {
    /// Prints all settings with their values and origins.
    Config,
    /// Checks the health of the running stand-in; the exit status is 1 if it is not healthy.
    Health {
        /// Checks any stand-in on its own port: for an image that holds them all.
        #[arg(long, hide = true)]
        any: bool,
    },
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Writes the manual pages into a directory.
    #[command(hide = true)]
    Manual {
        /// The directory, which is created.
        directory: PathBuf,
    },
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{0}")]
    Process(#[from] std::io::Error),
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The `main` of a stand-in: command line, settings, logs, and then `run` until SIGINT or SIGTERM. The exit status is 2
/// if the command line or the settings are wrong, and 1 for any other failure.
#[must_use]
pub fn main<A: OwnArgs>(
    id: ServiceId,
    run: impl AsyncFnOnce(&Settings, CancellationToken) -> Result<(), RunError>,
) -> ExitCode {
    let parsed = command::<A>(id).try_get_matches().and_then(|matches| StandInCli::<A>::from_arg_matches(&matches));
    let options = match parsed {
        Ok(options) => options,
        Err(said) => return output::instead_of_a_command(&said),
    };
    let code = match execute(id, options, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", descriptors::explained(failure.to_string()));
            ExitCode::from(if matches!(failure, Failure::Settings(_)) { 2 } else { 1 })
        }
    };
    output::finish(code)
}

fn stand_ins() -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().filter(|service| service.id.is_stand_in())
}

fn command<A: OwnArgs>(id: ServiceId) -> clap::Command {
    let service = id.service();
    StandInCli::<A>::command().name(format!("mgm-{}", service.name)).about(format!("{}, a stand-in", service.component))
}

fn execute<A: OwnArgs>(
    id: ServiceId,
    options: StandInCli<A>,
    run: impl AsyncFnOnce(&Settings, CancellationToken) -> Result<(), RunError>,
) -> Result<(), Failure> {
    let mut sources = options.settings.sources();
    options.own.apply(&mut sources);
    let loaded = Settings::load(&sources)?;
    match options.command {
        Some(StandInCommand::Config) => Ok(writeln!(output::output(), "{}", loaded.describe())?),
        Some(StandInCommand::Health { any: false }) => {
            Ok(health::ask(id.service(), loaded.settings.general.urls.as_ref())?)
        }
        Some(StandInCommand::Health { any: true }) => {
            let one = stand_ins().any(|service| health::ask(service, None).is_ok());
            if one { Ok(()) } else { Err(std::io::Error::other("no stand-in answers").into()) }
        }
        Some(StandInCommand::Completions { shell }) => {
            let mut command = command::<A>(id);
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut output::output());
            Ok(())
        }
        Some(StandInCommand::Manual { directory }) => Ok(manual::write(command::<A>(id), &directory)?),
        None => {
            let Loaded { settings, .. } = loaded;
            log::init(settings.mgm.log_format)?;
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?
                .block_on(async { Ok(run(&settings, shutdown::on_signal()?).await?) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_lines_are_well_formed() {
        for stand_in in stand_ins() {
            command::<NoArgs>(stand_in.id).debug_assert();
        }
    }
}
