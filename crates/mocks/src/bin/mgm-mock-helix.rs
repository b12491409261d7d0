//! The program of MockHelixApi.

use std::process::ExitCode;

use mgm_service::services::ServiceId;

fn main() -> ExitCode {
    mgm_mocks::program::main::<mgm_mocks::helix::HelixArgs>(ServiceId::MockHelix, mgm_mocks::helix::run)
}
