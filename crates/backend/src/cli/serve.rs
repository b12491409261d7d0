//! `mgm-backend serve`.

use std::process::ExitCode;

use mgm_service::{log, shutdown};
use mgm_settings::{Settings, Sources, needs};

use super::failure::Failure;
use crate::trace::export::Telemetry;

pub(super) async fn run(sources: &Sources) -> Result<ExitCode, Failure> {
    let settings = Settings::load_for(sources, needs::of_the_backend)?.settings;
    let telemetry = settings.general.otlp_endpoint.as_ref().map(Telemetry::to).transpose()?;
    log::init_with(settings.mgm.log_format, telemetry.as_ref().map(Telemetry::layer))?;
    let shutdown = shutdown::on_signal()?;
    let ended = crate::run(&settings, shutdown).await;
    if let Some(telemetry) = telemetry {
        telemetry.flush().await;
    }
    ended.map_err(|error| Failure::of_a_service(&error))?;
    Ok(ExitCode::SUCCESS)
}
