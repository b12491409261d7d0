//! `mgm-backend audit`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use mgm_service::output::output;
use mgm_settings::Sources;
use mgm_store::{Audit, Finding};
use serde_json::{Value, json};

use super::{
    database::{open, settings},
    failure::Failure,
};
use mgm_system::{Clock, SystemClock};

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Write the result to standard output as JSON.
    #[arg(long)]
    json: bool,
}

impl AuditArgs {
    /// Exits with 0 if every invariant holds, with 1 otherwise.
    pub(super) async fn run(self, sources: &Sources) -> Result<ExitCode, Failure> {
        let store = open(&settings(sources)?).await?;
        let audit = store.audit(SystemClock.now()).await?;
        let broadcaster = store.broadcaster().as_str();
        if self.json { print_json(&audit, broadcaster) } else { print(&audit, broadcaster) }?;
        Ok(if audit.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn print(audit: &Audit, broadcaster: &str) -> io::Result<()> {
    let Audit { events, payouts, gifts, announcements, members, cycles, findings } = audit;
    let mut out = output();
    for Finding { code, subject, detail } in findings {
        writeln!(out, "{code}  {subject}: {detail}")?;
    }
    let found = if findings.is_empty() { "nothing found".to_owned() } else { format!("{} findings", findings.len()) };
    writeln!(
        out,
        "{broadcaster}: {events} events, {payouts} payouts, {gifts} gift requests, {announcements} announcements, \
         {members} members, {cycles} cycles: {found}"
    )
}

fn print_json(audit: &Audit, broadcaster: &str) -> io::Result<()> {
    let Audit { events, payouts, gifts, announcements, members, cycles, findings } = audit;
    let finding =
        |Finding { code, subject, detail }: &Finding| json!({ "code": code, "subject": subject, "detail": detail });
    let result = json!({
        "broadcaster": broadcaster,
        "looked": {
            "events": events, "payouts": payouts, "giftRequests": gifts, "announcements": announcements,
            "members": members, "cycles": cycles,
        },
        "findings": findings.iter().map(finding).collect::<Value>(),
    });
    writeln!(output(), "{result:#}")
}
