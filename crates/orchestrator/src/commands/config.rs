//! `mgm config`.

use std::process::ExitCode;

use anyhow::Result;
use mgm_settings::{Row, Settings};
use serde_json::json;

use crate::cli::Global;
use crate::report;

pub fn run(global: &Global) -> Result<ExitCode> {
    let loaded = Settings::load(&global.sources())?;
    if global.json {
        let row = |row: &Row| json!({ "key": row.key, "fileKey": row.file_key, "value": row.value, "origin": row.origin.to_string(), "meaning": row.doc });
        report::say(format_args!("{:#}", loaded.rows.iter().map(row).collect::<serde_json::Value>()));
    } else {
        report::say(loaded.describe());
    }
    Ok(ExitCode::SUCCESS)
}
