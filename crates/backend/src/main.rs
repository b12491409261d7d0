//! The program `mgm-backend`.

use std::process::ExitCode;

use clap::Parser;
use mgm_backend::cli::Options;

#[tokio::main]
async fn main() -> ExitCode {
    Options::parse().run().await
}
