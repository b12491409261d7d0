//! `mgm doctor`.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use mgm_service::connection_string::ConnectionString;
use mgm_settings::Settings;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::scenario::{SecretArgs, stage};
use crate::doctor::{self, Finding};
use crate::environment::StackEnvironment;
use crate::global::GlobalArgs;
use crate::targets::{Targets, default_url};
use crate::terminal::{self, BAD, DIM, GOOD};
use crate::value_parser::secret;

/// The options of `mgm doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// The database to examine [default: ConnectionStrings__PostgreSQL, or else that of a running `mgm up`].
    #[arg(long, value_name = "URL", value_parser = secret)]
    database_url: Option<SecretString>,
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    secrets: SecretArgs,
}

pub async fn run(global: &GlobalArgs, options: DoctorArgs) -> Result<ExitCode> {
    let sources = options.secrets.over(global.sources());
    let state = global.state()?;
    let log_dir = global.log_dir.clone().unwrap_or_else(|| state.logs(1));
    let mut found = doctor::of_machine(&sources, &[state.path(), &log_dir]);
    let wrong = doctor::of_settings(&sources);
    if wrong.is_empty() {
        let settings = StackEnvironment::tier_b(sources.clone(), |service| default_url(service).to_string())?.settings;
        let published = || std::fs::read_to_string(state.connection_string()).ok();
        let database = match (&options.database_url, &Settings::load(&sources)?.settings.connection_strings.postgresql)
        {
            (Some(url), _) => Some(ConnectionString::parse(url.expose_secret())?),
            (None, Some(configured)) => Some(configured.clone()),
            (None, None) => published().and_then(|text| ConnectionString::parse(&text).ok()),
        };
        if let Some(database) = &database {
            found.extend(doctor::of_database(database).await);
        }
        found.extend(doctor::of_stack(&stage(&options.targets, &settings, None)?).await);
    } else {
        found.extend(wrong);
    }
    report(&found, global.json);
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(found: &[Finding], json: bool) {
    if json {
        let verdict = if found.is_empty() { "passed" } else { "failed" };
        terminal::say(format_args!("{:#}", json!({ "verdict": verdict, "findings": found })));
        return;
    }
    for Finding { id, symptom, cause, remedy, evidence } in found {
        terminal::say(format_args!("{BAD}{id}{BAD:#}  {symptom}"));
        terminal::say(format_args!("  cause     {cause}"));
        terminal::say(format_args!("  remedy    {remedy}"));
        if !evidence.is_empty() {
            terminal::say(format_args!("  evidence  {DIM}{evidence}{DIM:#}"));
        }
    }
    match found.len() {
        0 => terminal::say(format_args!("{GOOD}HEALTHY{GOOD:#}  nothing is wrong")),
        1 => terminal::say(format_args!("{BAD}FAILED{BAD:#}  1 finding")),
        count => terminal::say(format_args!("{BAD}FAILED{BAD:#}  {count} findings; the first may explain the others")),
    }
}
