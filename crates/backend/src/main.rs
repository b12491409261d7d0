//! The program `mgm-backend`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use mgm_backend::Error;
use mgm_service::{
    log,
    settings::{Settings, Sources},
    shutdown,
};

/// The Extension backend service of Mimiron's Gold-o-Matic.
///
/// Configured by environment variables and an optional TOML file; `mgm-backend config` lists every setting with its value
/// and where it came from.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// A TOML file with settings; environment variables win over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Serve until SIGINT or SIGTERM (the default).
    Serve,
    /// Print every setting with its value, secrets redacted, and where it came from.
    Config,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let sources = Sources { accept_database_url: true, ..Sources::from_process(options.config) };
    let loaded = match Settings::load(&sources) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("mgm-backend: {error}");
            return ExitCode::from(2);
        }
    };
    match options.command.unwrap_or(Command::Serve) {
        Command::Config => {
            println!("{}", loaded.describe());
            ExitCode::SUCCESS
        }
        Command::Serve => serve(&loaded.settings).await,
    }
}

async fn serve(settings: &Settings) -> ExitCode {
    if let Err(error) = log::init(settings.mgm.log_format) {
        eprintln!("mgm-backend: {error}");
        return ExitCode::from(2);
    }
    let shutdown = match shutdown::on_signal() {
        Ok(shutdown) => shutdown,
        Err(error) => {
            eprintln!("mgm-backend: signals cannot be handled: {error}");
            return ExitCode::FAILURE;
        }
    };
    match mgm_backend::run(settings, shutdown).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mgm-backend: {error}");
            match error {
                // What is set up wrongly stays so; a database may come back.
                Error::Config(_) | Error::Bind(_) | Error::Twitch(_) => ExitCode::from(2),
                Error::Database { .. } => ExitCode::FAILURE,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }
}
