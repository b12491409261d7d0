//! `mgm-backend serve`.

use std::process::ExitCode;

use mgm_service::{settings::Sources, shutdown};

use super::{Failure, settings};

pub(super) async fn run(sources: &Sources) -> Result<ExitCode, Failure> {
    let settings = settings(sources)?;
    let shutdown = shutdown::on_signal()?;
    crate::run(&settings, shutdown).await.map_err(|error| Failure::of_a_service(&error))?;
    Ok(ExitCode::SUCCESS)
}
