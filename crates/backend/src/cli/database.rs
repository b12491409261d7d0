//! What the subcommands that work on the database alone begin with.

use mgm_service::log;
use mgm_settings::{Settings, Sources, needs};
use mgm_store::Store;

use super::failure::Failure;
use crate::{config::database::DatabaseConfig, process::database::open_migrated};

/// The settings of a command that works on the database alone, once logs go where they say.
pub(super) fn settings(sources: &Sources) -> Result<Settings, Failure> {
    let settings = Settings::load_for(sources, needs::of_the_database)?.settings;
    log::init(settings.mgm.log_format)?;
    Ok(settings)
}

/// The database that the settings name, which has to be migrated.
pub(super) async fn open(settings: &Settings) -> Result<Store, Failure> {
    Ok(open_migrated(&DatabaseConfig::new(settings)?).await?)
}
