//! The subcommands, one per file.

pub mod check;
pub mod config;
pub mod doctor;
pub mod faults;
pub mod mocks;
pub mod process_compose;
pub mod run;
pub mod scenario;
pub mod send_chat;
pub mod serve;
pub mod up;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mgm_service::shutdown::Signals;

use crate::stack::{Ready, Stack, StartError};
use crate::terminal;

/// Wrong usage or environment.
pub const WRONG: u8 = 2;

/// After SIGINT or SIGTERM, as a shell reports a process that SIGINT killed.
const INTERRUPTED: u8 = 130;
const SAY_WHAT_TAKES_LONG: Duration = Duration::from_secs(2);

/// Starts a stack, and reports what it is waiting for if that takes long.
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
                terminal::note(format_args!("waiting for {} ({} s)", names.join(", "), begun.elapsed().as_secs()));
            }
        }
    }
}

/// Stops a stack cleanly. Another signal ends this process at once, and the services with it.
async fn stop(stack: Stack, signals: &mut Signals) {
    tokio::select! {
        () = stack.stop() => {}
        () = signals.next() => std::process::exit(INTERRUPTED.into()),
    }
}

/// One thread is enough to start and call others, and keeps the order of signals, child processes and output.
pub fn on_one_thread(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(command)
}
