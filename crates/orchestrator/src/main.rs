//! The command-line program `mgm`.

mod cli;
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
use mgm_service::output;

use cli::Cli;

/// Wrong usage or environment.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return output::instead_of_a_command(&said),
    };
    let json = cli.global.json;
    let code = commands::run(cli).unwrap_or_else(|error| {
        report::error(&error, json);
        ExitCode::from(WRONG)
    });
    output::finish(code)
}
