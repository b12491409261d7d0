//! The first steps of subcommands that need only the database.

use mgm_service::log;
use mgm_settings::{Settings, Sources, needs};
use mgm_store::Store;

use super::failure::Failure;
use crate::{config::database::DatabaseConfig, process::database::open_migrated};

/// Loads the settings of a subcommand that needs only the database, and starts logging as they say.
pub(super) fn settings(sources: &Sources) -> Result<Settings, Failure> {
    let settings = Settings::load_for(sources, needs::of_the_database)?.settings;
    log::init(settings.mgm.log_format)?;
    Ok(settings)
}

/// Opens the configured database, which must be migrated.
pub(super) async fn open(settings: &Settings) -> Result<Store, Failure> {
    Ok(open_migrated(&DatabaseConfig::new(settings)?).await?)
}
