//! Tier B against a running stack.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use mgm_system::port;
use serde_json::Value;
use sqlx::PgPool;

use crate::extent::Extent;
use crate::lab::{Lab, Program, Running};
use crate::load::Connection;
use crate::report::{Goal, memory, milliseconds, ratio};

/// Enrol, prepare, confirm, `InProgress`, `Sent` with the claim of its announcement, and the announcement's outcome.
const COMMITS: u32 = 6;
const ROUND_TRIPS: u32 = 10;
/// Few, since the rate limit of a single viewer would refuse more.
const RUNS: u32 = 10;

/// The duration of the steps, from the report of `mgm tier-b --attach`.
pub async fn measure(lab: &Lab, extent: Extent) -> Result<()> {
    let database = lab.database("slice").await?;
    let stack = Stack::start(lab, &database.url).await?;
    let pool = lab.connect(&database.options).await?;
    sqlx::raw_sql("CREATE TABLE peer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").execute(&pool).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..extent.rounds.max(RUNS) {
        ours.push(stack.tier_b(lab).await?);
        theirs.push(peer(stack.backend(), &pool).await?);
    }
    ratio(
        "Tier B's steps against a running stack",
        "ms",
        ("mgm tier-b --attach", &ours),
        ("10 HTTP round trips and 6 commits, one by one", &theirs),
        Goal::AtMost(2.0),
    );
    for (service, pid) in stack.processes() {
        memory(&service, pid, if service == "mgm-backend" { 64.0 } else { 24.0 });
    }
    pool.close().await;
    stack.running.stop().await;
    Ok(())
}

/// Like the steps, a new connection for every round trip except those to PostgreSQL.
async fn peer(backend: SocketAddr, pool: &PgPool) -> Result<f64> {
    let started = Instant::now();
    let mut connection = Connection::open(backend).await?;
    for _ in 0..ROUND_TRIPS {
        connection.get("/health/live").await?;
    }
    for _ in 0..COMMITS {
        sqlx::query("INSERT INTO peer DEFAULT VALUES").execute(pool).await?;
    }
    Ok(milliseconds(started.elapsed()))
}

struct Stack {
    running: Running,
    /// The ports of the backend and the stand-ins, in the order of their options.
    ports: Vec<u16>,
}

impl Stack {
    const OPTIONS: [&'static str; 5] =
        ["--backend-port", "--mock-eventsub-port", "--mock-jwt-port", "--mock-helix-port", "--synthetic-desktop-port"];
    const TARGETS: [&'static str; 5] =
        ["--backend", "--mock-eventsub", "--mock-jwt", "--mock-helix", "--synthetic-desktop"];

    async fn start(lab: &Lab, database: &str) -> Result<Self> {
        let ports = Self::OPTIONS.iter().map(|_| port::free()).collect::<io::Result<Vec<_>>>()?;
        let texts: Vec<_> = ports.iter().map(u16::to_string).collect();
        let state = lab.scratch().join("slice").display().to_string();
        let mut arguments = vec!["up", "--state-dir", &state, "--database-url", database];
        for (option, port) in Self::OPTIONS.iter().zip(&texts) {
            arguments.extend([option, port.as_str()]);
        }
        let last = *ports.last().context("there are ports")?;
        // The last of the services to become ready.
        let running = lab.start(Program::Mgm, &arguments, &[], last).await?;
        Ok(Self { running, ports })
    }

    fn backend(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[0]))
    }

    /// The duration of the steps, in milliseconds.
    async fn tier_b(&self, lab: &Lab) -> Result<f64> {
        let mut command = lab.command(Program::Mgm);
        command.args(["tier-b", "--attach", "--json"]);
        for (option, port) in Self::TARGETS.iter().zip(&self.ports) {
            command.args([*option, &format!("http://127.0.0.1:{port}")]);
        }
        let output = command.output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "mgm tier-b --attach: {text}");
        let report: Value = serde_json::from_str(&text)?;
        let steps = report["steps"].as_array().context("the report has steps")?;
        steps.iter().map(|step| step["durationMs"].as_f64().context("a step has a duration")).sum()
    }

    /// The services, children of `mgm up`, by name.
    fn processes(&self) -> Vec<(String, u32)> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.running.pid())).into_iter().flatten().flatten();
        let children: Vec<_> =
            threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok()).collect();
        let service = |pid: u32| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            Some((format!("mgm-{}", line.split('\0').nth(2)?), pid))
        };
        children.iter().flat_map(|line| line.split_whitespace()).filter_map(|pid| service(pid.parse().ok()?)).collect()
    }
}
