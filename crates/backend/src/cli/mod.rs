//! The command line of `mgm-backend`: one file per subcommand.

mod audit;
mod database;
mod export;
mod failure;
mod migrate;
mod rebuild_projections;
mod serve;

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use mgm_service::{health, manual, output, services::ServiceId};
use mgm_settings::{Settings, SettingsArgs, Sources};

use self::failure::{FAILED, Failure, WRONG};

const EXAMPLES: &str = "\
Examples:
  mgm-backend                                  serve until SIGTERM or Ctrl-C
  mgm-backend --config /etc/mgm.toml config    what is set, and where
  mgm-backend migrate                          bring the schema up before the new version serves
  mgm-backend audit --json                     for a timer: status 1 and a list when something does not hold
  mgm-backend export --payout 0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4 > payout.jsonl

Exit status:
  0  done; nothing found
  1  audit found something, rebuild-projections could not repair something, export found nothing,
     or the database is away (serve, migrate)
  2  wrong usage or environment; the message says what to do

Configuration comes from defaults, --config and environment variables such as ConnectionStrings__PostgreSQL;
`mgm-backend config` lists them.";

/// The Extension backend service of Mimiron's Gold-o-Matic.
///
/// Takes enrolments from Twitch chat, draws the roulette, hands payouts to the streamer's desktop program and announces
/// them in chat. Without a subcommand it serves. The other subcommands are the operator's; all but migrate can run beside
/// serving processes at any time.
#[derive(Debug, Parser)]
#[command(name = "mgm-backend", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct BackendCli {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Option<BackendCommand>,
}

/// The subcommands of `mgm-backend`.
#[derive(Debug, Subcommand)]
pub enum BackendCommand {
    /// Serve until SIGINT or SIGTERM (the default).
    ///
    /// Applies the migrations, opens the port, and starts the workers. A signal drains: what was accepted is answered and
    /// announcements under way are seen through.
    Serve,
    /// Apply the migrations and end.
    ///
    /// Several processes may do so at once; they take turns.
    Migrate,
    /// Print every setting with its value, secrets redacted, and where it came from.
    Config,
    /// Compare the projections with the events, and repair what differs.
    ///
    /// Folds the events of every payout and gift request, compares the result with its row in one snapshot of the database,
    /// writes rows that differ anew under the locks of their commands, and compares again. Runs beside serving processes.
    RebuildProjections(rebuild_projections::RebuildArgs),
    /// Check everything that must hold between the rows of the database.
    ///
    /// Looks for gaps in streams, events that cannot follow one another, rows that are not the fold of their events, payouts
    /// without an announcement and announcements without a payout, cycles without their payout, wrong sums and counts, and
    /// announcements that nobody sees through. Reads one snapshot and changes nothing. Runs beside serving processes.
    Audit(audit::AuditArgs),
    /// Print the events of one stream as JSON lines.
    Export(export::ExportArgs),
    /// Ask the backend that runs here for its health; the exit status is 1 when it is not ready.
    Health,
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages into a directory.
    #[command(hide = true)]
    Manual {
        /// The directory, which is created.
        directory: PathBuf,
    },
}

impl BackendCli {
    /// The program, from command line to exit status.
    #[must_use]
    pub fn main() -> ExitCode {
        let options = match Self::try_parse() {
            Ok(options) => options,
            Err(said) => return output::instead_of_a_command(&said),
        };
        let code = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(options.run()),
            Err(error) => Failure { message: format!("cannot start: {error}"), status: WRONG }.tell(),
        };
        output::finish(code)
    }

    /// Runs the command line.
    pub async fn run(self) -> ExitCode {
        let Self { settings, command } = self;
        let sources = Sources { accept_database_url: true, ..settings.sources() };
        command.unwrap_or(BackendCommand::Serve).run(&sources).await
    }
}

impl BackendCommand {
    /// Runs the subcommand with settings from these sources.
    pub async fn run(self, sources: &Sources) -> ExitCode {
        let result = match self {
            Self::Serve => serve::run(sources).await,
            Self::Migrate => migrate::run(sources).await,
            Self::Config => config(sources),
            Self::RebuildProjections(options) => options.run(sources).await,
            Self::Audit(options) => options.run(sources).await,
            Self::Export(options) => options.run(sources).await,
            Self::Completions { shell } => {
                clap_complete::generate(shell, &mut BackendCli::command(), "mgm-backend", &mut output::output());
                Ok(ExitCode::SUCCESS)
            }
            Self::Health => health(sources),
            Self::Manual { directory } => {
                manual::write(BackendCli::command(), &directory).map(|()| ExitCode::SUCCESS).map_err(Failure::from)
            }
        };
        result.unwrap_or_else(Failure::tell)
    }
}

fn health(sources: &Sources) -> Result<ExitCode, Failure> {
    let settings = Settings::load(sources)?.settings;
    health::ask(ServiceId::Backend.service(), settings.general.urls.as_ref())
        .map(|()| ExitCode::SUCCESS)
        .map_err(|error| Failure { message: format!("not ready: {error}"), status: FAILED })
}

fn config(sources: &Sources) -> Result<ExitCode, Failure> {
    let loaded = Settings::load(sources)?;
    writeln!(output::output(), "{}", loaded.describe())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        BackendCli::command().debug_assert();
    }

    #[test]
    fn help_is_what_it_was() {
        let mut command = BackendCli::command().term_width(100);
        command.build();
        insta::assert_snapshot!("help", command.render_long_help());
        for name in ["rebuild-projections", "audit", "export"] {
            let help = command.find_subcommand_mut(name).unwrap().render_long_help();
            insta::assert_snapshot!(format!("help-{name}"), help);
        }
    }
}
