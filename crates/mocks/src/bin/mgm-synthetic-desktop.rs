//! The program of SyntheticDesktop.

use std::process::ExitCode;

use mgm_service::services::ServiceId;

fn main() -> ExitCode {
    mgm_mocks::program::main::<mgm_mocks::program::NoArgs>(
        ServiceId::SyntheticDesktop,
        mgm_mocks::synthetic_desktop::run,
    )
}
