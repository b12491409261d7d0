//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use mgm_backend::cli::BackendCommand;
use mgm_ci_health::cli::CiHealthCommand;
use mgm_service::{manual, output};

use crate::commands::doctor::DoctorArgs;
use crate::commands::faults::FaultsArgs;
use crate::commands::mocks::MocksArgs;
use crate::commands::process_compose::ProcessComposeArgs;
use crate::commands::run::RunArgs;
use crate::commands::scenario::ScenarioCommand;
use crate::commands::send_chat::SendChatArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::up::UpArgs;
use crate::commands::{
    check, config, doctor, faults, mocks, on_one_thread, process_compose, run, scenario, send_chat, serve, up,
};
use crate::global::GlobalArgs;
use crate::targets::Targets;

const EXAMPLES: &str = "\
Examples:
  mgm tier-b                       run Tier B on a throw-away stack
  mgm up                           keep a stack running until Ctrl-C
  mgm tier-b --attach              run Tier B against a running stack
  mgm run --all                    run every scenario; `mgm scenarios` lists them
  mgm send-chat --text '!twgold Etoehero' --user-id 42 --login somebody
  mgm doctor                       find out what is wrong with a running stack
  mgm check                        check the health of everything that should be running
  mgm serve mock-helix             run a single service
  mgm mocks --fixture world.toml   run the stand-ins for any backend
  mgm mocks verify --callback http://127.0.0.1:3000/eventsub --secret 'ten letters or more'
  mgm faults --seconds 60          kill and restart two backends under load, and prove that nothing is lost
  mgm backend audit                the backend's own command line: migrate, audit, export and others

Exit status:
  0  passed
  1  a check failed, or a service stopped unexpectedly
  2  wrong usage or environment; the message says what to do

Configuration comes from defaults, --config and environment variables such as Mgm__ApiKey; `mgm config` lists them.";

/// Mimiron's Gold-o-Matic: the stack for end-to-end tests, in one program.
///
/// Runs the backend and a real PostgreSQL with a stand-in for every outside party, and drives the whole flow from a signed
/// chat message to the recorded chat announcement.
#[derive(Debug, Parser)]
#[command(name = "mgm", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: CliCommand,
}

/// The subcommands of `mgm`.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Start the stack and keep it running until Ctrl-C.
    ///
    /// Everything is started in order, each service once those it needs are healthy. Data persists between runs.
    Up(UpArgs),
    #[command(flatten)]
    Scenario(ScenarioCommand),
    /// Run scenarios by name or tag, several at the same time.
    ///
    /// Those that can share a stack do, each with viewers of its own; those with settings of their own get one of their own.
    Run(RunArgs),
    /// List the scenarios.
    Scenarios,
    /// Sign one chat message and post it as Twitch would.
    SendChat(SendChatArgs),
    /// Check the health and the identity of backend and stand-ins.
    Check(Targets),
    /// Find out what is wrong with a running stack: symptom, cause, remedy and evidence of each finding.
    ///
    /// Probes this machine, the settings, the database and the services. Nothing that it does changes the pool, a payout or a
    /// gift. The exit status is 1 if there is a finding.
    Doctor(DoctorArgs),
    /// Run a single service in the foreground.
    Serve(ServeArgs),
    /// Run all stand-ins in this process, for any backend.
    ///
    /// They share one world: clients, users, tokens and Extensions. When they listen, their addresses are printed, and the
    /// environment variables by which clients of Twitch find them.
    Mocks(Box<MocksArgs>),
    /// Run backends under load with faults, and prove that nothing is lost or doubled.
    ///
    /// Starts a private PostgreSQL, stand-ins and several backends on one database. Players enrol, claim, win and take
    /// payouts to Sent; Helix misbehaves; and at random moments processes are killed, PostgreSQL restarts, sessions end and
    /// connections run out. At the end every acknowledged notification must have taken effect exactly once, every
    /// announcement must have been made once or be listed as dropped or unknown, and the audit must find nothing.
    Faults(FaultsArgs),
    /// The backend's own command line: serve, migrate, audit, rebuild-projections, export.
    Backend {
        /// The subcommand.
        #[command(subcommand)]
        command: BackendCommand,
    },
    /// Run the same stack under process-compose, which must be installed.
    ///
    /// The definition is generated from the same table of services as everything else here; with --print it goes to standard
    /// output and nothing is started. Logs and reports are kept in the log directory.
    ProcessCompose(ProcessComposeArgs),
    /// Report the state of the workflows on GitHub, and open an issue when one keeps failing.
    CiHealth {
        /// The subcommand.
        #[command(subcommand)]
        command: CiHealthCommand,
    },
    /// List all settings with value, origin and meaning; secrets are not shown.
    Config,
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

impl Cli {
    /// Runs the command. An error means wrong usage or environment.
    pub fn run(self) -> Result<ExitCode> {
        let Self { global, command } = self;
        match command {
            CliCommand::Up(options) => on_one_thread(up::run(&global, options)),
            CliCommand::Scenario(command) => on_one_thread(scenario::run(&global, command)),
            CliCommand::Run(options) => on_one_thread(run::run(&global, options)),
            CliCommand::Scenarios => Ok(run::list(&global)),
            CliCommand::SendChat(options) => on_one_thread(send_chat::run(&global, options)),
            CliCommand::Check(targets) => on_one_thread(check::run(&global, targets)),
            CliCommand::Doctor(options) => on_one_thread(doctor::run(&global, options)),
            CliCommand::Serve(service) => serve::run(&global, service),
            CliCommand::Mocks(options) => mocks::run(&global, *options),
            CliCommand::Faults(options) => on_one_thread(faults::run(&global, options)),
            CliCommand::Backend { command } => {
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
                Ok(runtime.context("cannot start")?.block_on(command.run(&global.sources())))
            }
            CliCommand::ProcessCompose(options) => on_one_thread(process_compose::run(&global, options)),
            CliCommand::CiHealth { command } => Ok(command.execute(global.json)),
            CliCommand::Config => config::run(&global),
            CliCommand::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "mgm", &mut output::output());
                Ok(ExitCode::SUCCESS)
            }
            CliCommand::Manual { directory } => {
                // The manual pages of the backend's command line belong to its own program.
                let command = Self::command().mut_subcommand("backend", |backend| backend.hide(true));
                manual::write(command, &directory)
                    .with_context(|| format!("cannot write to {}", directory.display()))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueHint;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_what_it_was() {
        let mut command = Cli::command().term_width(100);
        command.build();
        insta::assert_snapshot!("help", command.render_long_help());
        for name in
            ["up", "tier-b", "run", "send-chat", "check", "doctor", "serve", "mocks", "faults", "process-compose"]
        {
            let help = command.find_subcommand_mut(name).unwrap().render_long_help();
            insta::assert_snapshot!(format!("help-{name}"), help);
        }
    }

    #[test]
    fn a_database_url_is_not_shown() {
        let cli = Cli::try_parse_from(["mgm", "up", "--database-url", "postgres://hush"]).unwrap();
        assert!(!format!("{cli:?}").contains("hush"));
    }

    #[test]
    fn an_address_that_is_none_is_not_shown() {
        for url in ["http://u:hush@localhost", "http://hush@localhost", "ftp://hush", "hush", "http://hush hush"] {
            let error = Cli::try_parse_from(["mgm", "check", "--backend", url]).unwrap_err();
            let shown = error.to_string();
            assert!(shown.contains("--backend <URL>: expected an http") && !shown.contains("hush"), "{shown}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn no_argument_may_be_empty() {
        let mut checked = 0;
        for command in Cli::command().get_subcommands() {
            for option in command.get_arguments().filter(|option| option.get_action().takes_values()) {
                let Some(name) = option.get_long() else { continue };
                let is_path = matches!(option.get_value_hint(), ValueHint::FilePath | ValueHint::DirPath);
                for empty in if is_path { &[""][..] } else { &["", " "] } {
                    let line = ["mgm", command.get_name(), &format!("--{name}={empty}")];
                    let error = Cli::try_parse_from(line).unwrap_err();
                    let is_about_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
                    assert!(is_about_value && error.exit_code() == 2, "{line:?}: {error}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 50, "{checked}");
    }

    #[test]
    fn attaching_and_starting_exclude_each_other() {
        for wrong in [
            "tier-b --attach --pg-port 1",
            "tier-b --attach --auto-ports",
            "up --pg-port 0",
            "up --pg-port 1 --database-url x",
        ] {
            assert!(Cli::try_parse_from(std::iter::once("mgm").chain(wrong.split(' '))).is_err(), "{wrong}");
        }
    }
}
