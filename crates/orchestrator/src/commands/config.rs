//! `mgm config`.

use std::process::ExitCode;

use anyhow::Result;
use mgm_settings::{Row, Settings};
use serde_json::json;

use crate::global::GlobalArgs;
use crate::terminal;

pub fn run(global: &GlobalArgs) -> Result<ExitCode> {
    let loaded = Settings::load(&global.sources())?;
    if global.json {
        let row = |row: &Row| json!({ "key": row.key, "fileKey": row.file_key, "value": row.value, "origin": row.origin.to_string(), "meaning": row.doc });
        terminal::say(format_args!("{:#}", loaded.rows.iter().map(row).collect::<serde_json::Value>()));
    } else {
        terminal::say(loaded.describe());
    }
    Ok(ExitCode::SUCCESS)
}
