//! `mgm-backend rebuild-projections`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use mgm_service::output::output;
use mgm_settings::Sources;
use mgm_store::{Difference, Rebuilt};
use serde_json::{Value, json};

use super::{
    database::{open, settings},
    failure::Failure,
};

#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// Write the result to standard output as JSON.
    #[arg(long)]
    json: bool,
}

impl RebuildArgs {
    /// Exits with 0 if in the end all rows equal the fold of their events, repaired or not; with 1 otherwise.
    pub(super) async fn run(self, sources: &Sources) -> Result<ExitCode, Failure> {
        let store = open(&settings(sources)?).await?;
        let rebuilt = store.rebuild_projections().await?;
        if self.json { print_json(&rebuilt) } else { print(&rebuilt) }?;
        Ok(if rebuilt.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn print(Rebuilt { streams, differed, left }: &Rebuilt) -> io::Result<()> {
    let mut out = output();
    for Difference { kind, id, what } in differed {
        writeln!(out, "{kind} {id} differed: {}", what.join("; "))?;
    }
    for Difference { kind, id, what } in left {
        writeln!(out, "{kind} {id} still differs: {}", what.join("; "))?;
    }
    let repaired = differed.len().saturating_sub(left.len());
    writeln!(
        out,
        "{streams} payouts and gift requests compared with their events: {} differed, {repaired} repaired",
        differed.len()
    )
}

fn print_json(Rebuilt { streams, differed, left }: &Rebuilt) -> io::Result<()> {
    let list = |differences: &[Difference]| -> Value {
        differences
            .iter()
            .map(|Difference { kind, id, what }| json!({ "kind": kind, "id": id, "differences": what }))
            .collect()
    };
    let result = json!({ "streams": streams, "differed": list(differed), "left": list(left) });
    writeln!(output(), "{result:#}")
}
