//! `mgm-backend export`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use mgm_domain::{GiftId, PayoutId};
use mgm_service::output::output;
use mgm_settings::Sources;
use mgm_store::RecordedEvent;
use serde::Serialize;
use serde_json::Value;
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use super::{
    database::{open, settings},
    failure::{FAILED, Failure},
};

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ExportArgs {
    /// The payout whose events are wanted.
    #[arg(long, value_name = "ID")]
    payout: Option<Uuid>,
    /// The gift request whose events are wanted.
    #[arg(long, value_name = "ID")]
    gift: Option<Uuid>,
}

impl ExportArgs {
    /// Prints one line of JSON per event, in order, as stored. Exits with 1 if there is no such stream.
    pub(super) async fn run(self, sources: &Sources) -> Result<ExitCode, Failure> {
        let store = open(&settings(sources)?).await?;
        let (what, id, history) = match (self.payout, self.gift) {
            (Some(id), _) => ("payout", id, store.payout_history(PayoutId::from_uuid(id)).await?),
            (None, Some(id)) => ("gift request", id, store.gift_history(GiftId::from_uuid(id)).await?),
            (None, None) => unreachable!("one of them is required"),
        };
        if history.is_empty() {
            let message = format!("{} has no {what} {id}", store.broadcaster());
            return Err(Failure { message, status: FAILED });
        }
        print(id, &history)?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    stream_id: Uuid,
    version: i32,
    #[serde(rename = "type")]
    event_type: &'a str,
    schema_version: i16,
    #[serde(with = "rfc3339")]
    recorded_at: OffsetDateTime,
    data: &'a Value,
}

fn print(stream_id: Uuid, history: &[RecordedEvent]) -> io::Result<()> {
    let mut out = output();
    for RecordedEvent { version, event_type, schema_version, recorded_at, data } in history {
        let (version, schema_version, recorded_at) = (*version, *schema_version, *recorded_at);
        let line = Line { stream_id, version, event_type, schema_version, recorded_at, data };
        writeln!(out, "{}", serde_json::to_string(&line)?)?;
    }
    Ok(())
}
