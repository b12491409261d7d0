//! The subcommands, one a file.

mod check;
mod config;
mod faults;
mod process_compose;
mod scenario;
mod send_chat;
mod serve;
mod up;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use mgm_service::shutdown::Signals;
use mgm_service::{manual, output};
use mgm_settings::Sources;

use crate::cli::{Cli, Command, Global};
use crate::report;
use crate::scenario::Tier;
use crate::stack::{Ready, Stack, StartError};
use crate::state::StateDir;

/// After SIGINT or SIGTERM, as a shell reports a process that SIGINT killed.
const INTERRUPTED: u8 = 130;
const SAY_WHAT_TAKES_LONG: Duration = Duration::from_secs(2);

/// An error is wrong usage or environment.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let Cli { global, command } = cli;
    match command {
        Command::Up(options) => on_one_thread(up::run(&global, options)),
        Command::TierA(options) => on_one_thread(scenario::run(Tier::A, &global, options)),
        Command::TierB(options) => on_one_thread(scenario::run(Tier::B, &global, options)),
        Command::SendChat(options) => on_one_thread(send_chat::run(&global, options)),
        Command::Check(targets) => on_one_thread(check::run(&global, targets)),
        Command::Serve(service) => serve::run(&global, service),
        Command::Faults(options) => on_one_thread(faults::run(&global, options)),
        Command::Backend { command } => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
            Ok(runtime.block_on(command.run(&global.sources())))
        }
        Command::ProcessCompose(options) => on_one_thread(process_compose::run(&global, options)),
        Command::Config => config::run(&global),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "mgm", &mut output::output());
            Ok(ExitCode::SUCCESS)
        }
        Command::Manual { directory } => {
            // The pages of the backend's command line come with its own program.
            let command = Cli::command().mut_subcommand("backend", |backend| backend.hide(true));
            manual::write(command, &directory).with_context(|| format!("cannot write to {}", directory.display()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What starts and asks others needs no more, and signals, children and output keep their order.
fn on_one_thread(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(command)
}

impl Global {
    fn sources(&self) -> Sources {
        self.settings.sources()
    }

    fn state(&self) -> Result<StateDir> {
        StateDir::choose(self.state_dir.clone())
    }
}

/// Starts a stack, and says what it waits for while that takes long.
async fn start(stack: &Stack, mut on_ready: impl FnMut(Ready)) -> Result<(), StartError> {
    let begun = Instant::now();
    let (ready, mut readying) = tokio::sync::mpsc::unbounded_channel();
    let starting = stack.start(|one| {
        // The receiver lives as long as this future.
        let _ = ready.send(one);
    });
    tokio::pin!(starting);
    let mut waiting: Vec<_> = stack.plan().ports.services().collect();
    loop {
        tokio::select! {
            biased;
            Some(one) = readying.recv() => {
                waiting.retain(|service| *service != one.service);
                on_ready(one);
            }
            result = &mut starting => {
                while let Ok(one) = readying.try_recv() {
                    on_ready(one);
                }
                return result;
            }
            () = tokio::time::sleep(SAY_WHAT_TAKES_LONG) => {
                let names: Vec<_> = waiting.iter().map(|service| service.service().component).collect();
                report::note(format_args!("waiting for {} ({} s)", names.join(", "), begun.elapsed().as_secs()));
            }
        }
    }
}

/// Stops a stack in good order. Another signal ends this process at once, and the services with it.
async fn stop(stack: Stack, signals: &mut Signals) {
    tokio::select! {
        () = stack.stop() => {}
        () = signals.next() => std::process::exit(INTERRUPTED.into()),
    }
}

/// Sets a variable that an option gives, whatever the environment says.
fn set_variable(sources: &mut Sources, name: &str, value: &str) {
    sources.environment.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    sources.environment.push((name.to_owned(), value.to_owned()));
}
