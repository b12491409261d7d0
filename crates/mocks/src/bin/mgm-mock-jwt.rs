//! The program of MockExtensionJwt.

use std::process::ExitCode;

use mgm_service::services::ServiceId;

fn main() -> ExitCode {
    mgm_mocks::program::main::<mgm_mocks::program::NoArgs>(ServiceId::MockJwt, mgm_mocks::jwt::run)
}
