//! The benchmarks: each measures the stack and a peer in the same run, alternating, and prints both sides and their ratio.
//! Absolute figures say more about the machine than about the program; none makes a run fail.

#![expect(clippy::print_stdout, reason = "figures for a human reader; nothing depends on them")]

mod chat;
mod enrolments;
mod extent;
mod growth;
mod lab;
mod load;
mod notification;
mod report;
mod slice;
mod tier_b;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::extent::Extent;
use crate::lab::Lab;

/// Compares the stack with its peers: `cargo build --workspace --release && cargo run --release -p mgm-bench`.
///
/// Starts the release builds of `mgm` and `mgm-backend` next to this program, and a separate PostgreSQL with `fsync` and
/// `synchronous_commit` on.
#[derive(Debug, Parser)]
#[command(version)]
struct BenchCli {
    /// How many seconds each side is under load in each round.
    #[arg(long, global = true, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// How many times both sides take turns.
    #[arg(long, global = true, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// The `pgbench` to compare enrolments with [default: the one in PATH, or else Debian's newest].
    #[arg(long, global = true, value_name = "FILE")]
    pgbench: Option<PathBuf>,
    /// What to measure; everything if nothing is named.
    #[command(subcommand)]
    benchmark: Option<Benchmark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Benchmark {
    /// Ordinary chat acknowledged, compared with the same server with an empty handler; memory of the backend.
    Chat,
    /// Enrolments committed, compared with pgbench running the same transaction; memory of the backend.
    Enrolments,
    /// Latency of enrolments, and draws, with 1,000,000 viewers in the pool compared with 1,000.
    Growth,
    /// `mgm tier-b` from scratch to the verdict, compared with starting and stopping an empty PostgreSQL.
    TierB,
    /// Tier B against a running stack, compared with ten round trips and its commits; memory of the stand-ins.
    Slice,
    /// The peer of `chat`.
    #[command(hide = true)]
    EmptyServer {
        /// The port.
        port: u16,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(BenchCli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mgm-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(BenchCli { seconds, rounds, pgbench, benchmark }: BenchCli) -> Result<()> {
    if let Some(Benchmark::EmptyServer { port }) = benchmark {
        return chat::empty_server(port).await;
    }
    let extent = Extent { duration: Duration::from_secs(seconds.into()), rounds };
    let wanted = |this| benchmark.is_none_or(|benchmark| benchmark == this);
    let lab = Lab::open().await?;
    lab.introduce().await?;
    if wanted(Benchmark::Chat) {
        chat::measure(&lab, extent).await?;
    }
    if wanted(Benchmark::Enrolments) {
        enrolments::measure(&lab, extent, pgbench).await?;
    }
    if wanted(Benchmark::Growth) {
        growth::measure(&lab, extent).await?;
    }
    if wanted(Benchmark::TierB) {
        tier_b::measure(&lab, extent).await?;
    }
    if wanted(Benchmark::Slice) {
        slice::measure(&lab, extent).await?;
    }
    lab.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::BenchCli::command().debug_assert();
    }
}
