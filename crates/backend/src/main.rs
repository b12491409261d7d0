//! The program `mgm-backend`.

use std::process::ExitCode;

use mgm_backend::cli::Options;

fn main() -> ExitCode {
    Options::main()
}
