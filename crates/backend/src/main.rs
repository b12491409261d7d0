//! The program `mgm-backend`.

use std::process::ExitCode;

use mgm_backend::cli::BackendCli;

fn main() -> ExitCode {
    BackendCli::main()
}
