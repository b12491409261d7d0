//! The command-line program `mgm`.

mod cli;
mod commands;
mod doctor;
mod environment;
mod faults;
mod global;
mod health;
mod http;
mod log_dir;
mod notification;
mod profile;
mod report;
mod scenario;
mod stack;
mod state;
mod targets;
mod terminal;
mod value_parser;

use std::process::ExitCode;

use clap::Parser;
use mgm_service::output;

use cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return output::instead_of_a_command(&said),
    };
    let json = cli.global.json;
    let code = cli.run().unwrap_or_else(|error| {
        terminal::error(&error, json);
        ExitCode::from(commands::WRONG)
    });
    output::finish(code)
}
