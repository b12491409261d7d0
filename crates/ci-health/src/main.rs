//! `mgm ci-health` as a separate program, for workflows that need nothing else of `mgm` and would wait for its build.

use std::process::ExitCode;

use clap::Parser;
use mgm_ci_health::cli::CiHealthCommand;
use mgm_service::output;

/// Reports on the workflows of the project, and alerts when one keeps failing.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Write the result to standard output as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: CiHealthCommand,
}

fn main() -> ExitCode {
    let code = match Cli::try_parse() {
        Ok(Cli { json, command }) => command.execute(json),
        Err(said) => return output::instead_of_a_command(&said),
    };
    output::finish(code)
}
