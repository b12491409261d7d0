//! The command-line program `mgm`.

mod chance;
mod cli;
mod clock;
mod commands;
mod environment;
mod faults;
mod http;
mod log_dir;
mod notification;
mod profile;
mod report;
mod scenario;
mod stack;
mod state;
mod targets;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

/// Wrong usage or environment.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            report::error(&error, json);
            ExitCode::from(WRONG)
        }
    }
}
