//! Enrolments beside pgbench.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use secrecy::ExposeSecret as _;
use tokio::process::Command;

use crate::Extent;
use crate::lab::Lab;
use crate::load::{CONNECTIONS, closed};
use crate::notification::Signer;
use crate::report::{Goal, memory, ratio};

/// What pgbench runs.
const SCRIPT: &str = include_str!("enrolments.sql");
/// More than are committed a second anywhere; what is left over is not sent.
const MOST_A_SECOND: usize = 10_000;

/// `!twgold` of viewers who were not in the pool, from many connections at once.
pub async fn measure(lab: &Lab, extent: Extent, pgbench: Option<PathBuf>) -> Result<()> {
    let Some(pgbench) = pgbench.or_else(find_pgbench) else {
        println!("\nEnrolments: NOT MEASURED, there is no pgbench; name one with --pgbench");
        return Ok(());
    };
    let signer = Signer::new()?;
    let database = lab.database("enrolments").await?;
    lab.database("pgbench").await?;
    let backend = lab.backend(&database).await?;
    let script = lab.scratch().join("enrolments.sql");
    std::fs::write(&script, SCRIPT)?;
    let (mut ours, mut simple, mut prepared) = (Vec::new(), Vec::new(), Vec::new());
    let most = MOST_A_SECOND * usize::try_from(extent.duration.as_secs())?;
    for round in 0..usize::try_from(extent.rounds)? {
        let load = signer.enrolments(round * most, most).into();
        ours.push(closed(backend.address, load, extent.duration, false).await?);
        for (mode, rates) in [("simple", &mut simple), ("prepared", &mut prepared)] {
            let mut command = Command::new(&pgbench);
            let (clients, seconds) = (CONNECTIONS.to_string(), extent.duration.as_secs().to_string());
            command.args(["--no-vacuum", "--protocol", mode, "--client", &clients, "--jobs", "2", "--time", &seconds]);
            command.args(["--host", &lab.server().host(), "--port", &lab.server().port().to_string()]);
            command.args(["--username", lab.server().user(), "--file"]).arg(&script).arg("pgbench");
            command.env("PGPASSWORD", lab.server().password().expose_secret());
            rates.push(transactions_a_second(command).await?);
        }
    }
    let ours = ("mgm-backend", ours.as_slice());
    let title = "Enrolments committed, 32 connections";
    ratio(title, "/s", ours, ("pgbench, 32 clients, simple protocol", &simple), Goal::AtLeast(1.0));
    ratio(title, "/s", ours, ("pgbench, 32 clients, prepared statements", &prepared), Goal::AtLeast(1.0));
    memory("mgm-backend", backend.pid(), 64.0);
    backend.stop().await;
    Ok(())
}

async fn transactions_a_second(mut command: Command) -> Result<f64> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.context("pgbench does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    let figure = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    figure.with_context(|| format!("pgbench says no rate:\n{text}"))
}

fn find_pgbench() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = debian.map(|entry| entry.path().join("bin")).collect();
    debian.sort();
    std::env::split_paths(&path)
        .chain(debian.into_iter().rev())
        .map(|directory| directory.join("pgbench"))
        .find(|program| program.is_file())
}
