//! `mgm-backend migrate`.

use std::process::ExitCode;

use mgm_settings::Sources;

use super::{database::settings, failure::Failure};
use crate::{config::database::DatabaseConfig, process::database::open};

pub(super) async fn run(sources: &Sources) -> Result<ExitCode, Failure> {
    let database = DatabaseConfig::new(&settings(sources)?)?;
    open(&database).await.map_err(|error| Failure::of_a_service(&error))?.close().await;
    tracing::info!(database = %database.connection, "the migrations are in");
    Ok(ExitCode::SUCCESS)
}
