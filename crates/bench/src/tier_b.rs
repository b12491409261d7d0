//! Tier B from scratch compared with an empty PostgreSQL.

use std::time::Instant;

use anyhow::{Result, ensure};
use mgm_postgres::{Server, ServerOptions};

use crate::extent::Extent;
use crate::lab::{Lab, Program};
use crate::report::{Goal, milliseconds, ratio};

/// From the start of `mgm tier-b` without data to its end; the peer is started and stopped with the same settings.
pub async fn measure(lab: &Lab, extent: Extent) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..extent.rounds {
        let state = lab.scratch().join(format!("tier-b-{round}"));
        let mut command = lab.command(Program::Mgm);
        command.args(["tier-b", "--auto-ports", "--state-dir"]).arg(&state);
        let started = Instant::now();
        let output = command.output().await?;
        ours.push(milliseconds(started.elapsed()));
        ensure!(output.status.success(), "mgm tier-b: {}", String::from_utf8_lossy(&output.stdout));

        let started = Instant::now();
        let server = Server::start(&lab.installation, ServerOptions::throw_away()).await?;
        server.ensure_database("mgm").await?;
        server.stop().await;
        theirs.push(milliseconds(started.elapsed()));
    }
    ratio(
        "Tier B from nothing to the verdict",
        "ms",
        ("mgm tier-b", &ours),
        ("initdb, start and stop of an empty PostgreSQL", &theirs),
        Goal::AtMost(1.6),
    );
    Ok(())
}
