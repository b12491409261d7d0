//! `mgm config`.

use std::process::ExitCode;

use anyhow::Result;
use mgm_service::connection_string::ConnectionString;
use mgm_service::settings::Settings;
use serde_json::json;

use crate::cli::Global;
use crate::report;

pub fn run(global: &Global) -> Result<ExitCode> {
    let loaded = Settings::load(&global.sources())?;
    ConnectionString::check_setting(&loaded.settings)?;
    if global.json {
        let row = |row: &mgm_service::settings::Row| json!({ "key": row.key, "fileKey": row.file_key, "value": row.value, "origin": row.origin.to_string(), "meaning": row.doc });
        report::say(format_args!("{:#}", loaded.rows.iter().map(row).collect::<serde_json::Value>()));
    } else {
        report::say(loaded.describe());
    }
    Ok(ExitCode::SUCCESS)
}
