//! The program of MockEventSubWebhook.

use std::process::ExitCode;

use mgm_service::services::ServiceId;

fn main() -> ExitCode {
    mgm_mocks::program::main(ServiceId::MockEventSub, mgm_mocks::eventsub::run)
}
