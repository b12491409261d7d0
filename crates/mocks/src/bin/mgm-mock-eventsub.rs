//! The program of MockEventSubWebhook.

use std::process::ExitCode;

use mgm_service::services::ServiceId;

fn main() -> ExitCode {
    mgm_mocks::program::main::<mgm_mocks::program::NoArgs>(ServiceId::MockEventSub, mgm_mocks::eventsub::run)
}
