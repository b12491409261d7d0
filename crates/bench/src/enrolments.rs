//! Enrolments compared with pgbench.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use secrecy::ExposeSecret as _;
use tokio::process::Command;

use crate::extent::Extent;
use crate::growth::{fill, leave_unattended};
use crate::lab::{Database, Lab};
use crate::load::{CONNECTIONS, closed};
use crate::notification::{BROADCASTER, Signer};
use crate::report::{Goal, memory, ratio};

/// The script that pgbench runs.
const SCRIPT: &str = include_str!("enrolments.sql");
/// More than any machine commits per second; the rest is not sent.
const MOST_A_SECOND: usize = 20_000;
/// Higher than the number of any viewer in a filled pool.
const FIRST: usize = 10_000_000;

/// Members of the pool before an analysed database is measured.
const MEMBERS: i64 = 20_000;
/// The number of backends on one database, compared with one alone.
const PROCESSES: [usize; 2] = [2, 4];
/// The peer's counter, as a program with a single row per counter would have it.
const PEER: &str = "CREATE TABLE pool_buckets (broadcaster_id text, bucket smallint, members bigint NOT NULL,
                                               PRIMARY KEY (broadcaster_id, bucket)) WITH (fillfactor = 50)";

/// What the planner knows about the database.
#[derive(Debug, Clone, Copy)]
enum Statistics {
    /// Nothing: it is empty, and nobody analyses it, as in the first raid.
    Fresh,
    /// Everything.
    Analysed,
}

impl Statistics {
    const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Analysed => "analysed",
        }
    }
}

/// `!twgold` from viewers who are not in the pool, over many connections at once. Every round of every side has its own
/// database and server process, so that none is warmer than another.
pub async fn measure(lab: &Lab, extent: Extent, pgbench: Option<PathBuf>) -> Result<()> {
    let signer = Signer::new()?;
    match pgbench.or_else(find_pgbench) {
        Some(pgbench) => beside_pgbench(lab, extent, &signer, &pgbench).await?,
        None => println!("\nEnrolments: NOT MEASURED: no pgbench was found; name one with --pgbench"),
    }
    together(lab, extent, &signer).await
}

async fn beside_pgbench(lab: &Lab, extent: Extent, signer: &Signer, pgbench: &Path) -> Result<()> {
    let script = lab.scratch().join("enrolments.sql");
    std::fs::write(&script, SCRIPT)?;
    for statistics in [Statistics::Fresh, Statistics::Analysed] {
        let (mut ours, mut simple, mut prepared) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..extent.rounds {
            let name = format!("enrolments_{}_{round}", statistics.name());
            ours.push(one(lab, extent, signer, statistics, &name, 1).await?);
            for (mode, rates) in [("simple", &mut simple), ("prepared", &mut prepared)] {
                let name = format!("pgbench_{}_{mode}_{round}", statistics.name());
                database(lab, statistics, &name).await?;
                let mut command = Command::new(pgbench);
                let (clients, seconds) = (CONNECTIONS.to_string(), extent.duration.as_secs().to_string());
                command.args(["--no-vacuum", "--protocol", mode, "--client", &clients, "--jobs", "2"]);
                command.args(["--time", &seconds, "--host", &lab.server().host()]);
                command.args(["--port", &lab.server().port().to_string(), "--username", lab.server().user()]);
                command.arg("--file").arg(&script).arg(&name);
                command.env("PGPASSWORD", lab.server().password().expose_secret());
                rates.push(transactions_a_second(command).await?);
            }
        }
        let ours = ("mgm-backend", ours.as_slice());
        let title = format!("Enrolments committed, 32 connections, {} database", statistics.name());
        ratio(&title, "/s", ours, ("pgbench, 32 clients, simple protocol", &simple), Goal::AtLeast(1.0));
        ratio(&title, "/s", ours, ("pgbench, 32 clients, prepared statements", &prepared), Goal::AtLeast(1.0));
    }
    Ok(())
}

/// Several backends on one database compared with one, with each connection going to one of them.
async fn together(lab: &Lab, extent: Extent, signer: &Signer) -> Result<()> {
    let mut alone = Vec::new();
    let mut several = PROCESSES.map(|_| Vec::new());
    for round in 0..extent.rounds {
        let name = format!("together_1_{round}");
        alone.push(one(lab, extent, signer, Statistics::Fresh, &name, 1).await?);
        for (processes, rates) in PROCESSES.into_iter().zip(&mut several) {
            let name = format!("together_{processes}_{round}");
            rates.push(one(lab, extent, signer, Statistics::Fresh, &name, processes).await?);
        }
    }
    for (processes, rates) in PROCESSES.into_iter().zip(&several) {
        ratio(
            "Enrolments committed by several backends on one database, 32 connections",
            "/s",
            (&format!("{processes} backends"), rates),
            ("1 backend", &alone),
            Goal::AtLeast(1.0),
        );
    }
    Ok(())
}

/// One round of ours: enrolments per second.
async fn one(
    lab: &Lab,
    extent: Extent,
    signer: &Signer,
    statistics: Statistics,
    name: &str,
    processes: usize,
) -> Result<f64> {
    let database = database(lab, statistics, name).await?;
    let mut backends = Vec::with_capacity(processes);
    for _ in 0..processes {
        backends.push(lab.backend(&database).await?);
    }
    let servers: Vec<_> = backends.iter().map(|backend| backend.address).collect();
    let most = MOST_A_SECOND * usize::try_from(extent.duration.as_secs())?;
    let load = signer.enrolments(FIRST, most).into();
    let rate = closed(&servers, load, extent.duration, false).await?;
    if let Some(backend) = backends.first() {
        memory("mgm-backend", backend.pid(), 64.0);
    }
    for backend in backends {
        backend.stop().await;
    }
    Ok(rate)
}

async fn database(lab: &Lab, statistics: Statistics, name: &str) -> Result<Database> {
    let database = lab.database(name).await?;
    let pool = lab.connect(&database.options).await?;
    sqlx::raw_sql(PEER).execute(&pool).await?;
    match statistics {
        Statistics::Fresh => leave_unattended(&pool).await?,
        Statistics::Analysed => {
            fill(&pool, BROADCASTER, MEMBERS).await?;
            sqlx::raw_sql("VACUUM ANALYZE").execute(&pool).await?;
        }
    }
    pool.close().await;
    Ok(database)
}

async fn transactions_a_second(mut command: Command) -> Result<f64> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.context("pgbench does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    let figure = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    figure.with_context(|| format!("pgbench reported no rate:\n{text}"))
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
