//! `mgm faults`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum as _};
use mgm_service::services::ServiceId;
use mgm_service::shutdown::Signals;
use mgm_settings::Sources;
use mgm_system::RandomSource;
use serde_json::json;

use super::{INTERRUPTED, stop};
use crate::faults::{self, Fleet, Ledger, Script, Trouble};
use crate::global::GlobalArgs;
use crate::stack::{Keep, Plan, PortArgs, Stack, StackArgs};
use crate::terminal::{self, BAD, DIM, GOOD};

/// Everything that takes minutes in production takes seconds here, and no rate limit is reached.
const SETTINGS: &[(&str, &str)] = &[
    ("Roulette__CycleSeconds", "4"),
    ("Roulette__CollectingSeconds", "1"),
    ("Roulette__SpinningSeconds", "1"),
    ("Roulette__GraceSeconds", "1"),
    ("Roulette__TickMilliseconds", "100"),
    ("Payouts__ExpireAfterSeconds", "10"),
    ("Payouts__SweepSeconds", "1"),
    ("Helix__TimeoutSeconds", "2"),
    ("Announcements__LeaseMarginSeconds", "3"),
    ("RateLimits__ViewerWritesPerMinute", "1000000"),
    ("RateLimits__ViewerReadsPerMinute", "1000000"),
    ("RateLimits__AddressPerMinute", "1000000"),
];
/// The services that a run needs besides the backends.
const NEEDED: &[ServiceId] = &[ServiceId::Postgres, ServiceId::MockJwt, ServiceId::MockHelix];

/// The options of `mgm faults`.
#[derive(Args, Debug)]
pub struct FaultsArgs {
    /// How long load and faults last, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// How many backends share the database.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    processes: u8,
    /// The seed of the random source, to repeat the same faults at the same moments [default: a new one].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// A fault to cause; may be repeated [default: all].
    #[arg(long = "fault", value_name = "FAULT")]
    kinds: Vec<Trouble>,
    /// Cause no faults, only load.
    #[arg(long = "no-faults", conflicts_with = "kinds")]
    calm: bool,
}

pub async fn run(global: &GlobalArgs, options: FaultsArgs) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut signals = Signals::new().context("cannot handle signals")?;
    let stack = StackArgs { ports: PortArgs::auto(), ..StackArgs::default() };
    let plan = Plan::make(&stack, sources(global), &global.state()?, global.log_dir.as_deref(), Keep::Nothing)?;
    let stack = Stack::new(plan);
    let seed = options.seed.unwrap_or_else(|| RandomSource::from_system().number());
    let kinds = if options.calm {
        Vec::new()
    } else if options.kinds.is_empty() {
        Trouble::value_variants().to_vec()
    } else {
        options.kinds
    };
    let script = Script { length: Duration::from_secs(options.seconds), kinds, seed };
    let (seconds, processes) = (options.seconds, options.processes);
    note(format_args!("faults: {seconds} s, {processes} backends, seed {seed}"));
    let played = tokio::select! {
        played = play(&stack, &script, processes.into()) => Some(played),
        () = signals.next() => None,
    };
    let logs = stack.plan().log_dir.path().display().to_string();
    stop(stack, &mut signals).await;
    let Some(played) = played else {
        terminal::note("interrupted");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let Ledger { counts, problems, .. } = played?;
    let passed = problems.is_empty();
    if global.json {
        terminal::say(format_args!(
            "{:#}",
            json!({
                "verdict": if passed { "passed" } else { "failed" }, "seed": seed, "seconds": seconds, "processes": processes,
                "counts": counts.json(), "problems": problems, "logs": logs,
                "durationMs": u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            })
        ));
    } else {
        for problem in &problems {
            terminal::say(format_args!("{BAD}wrong{BAD:#}  {problem}"));
        }
        terminal::say(format_args!("{DIM}  logs   {logs}{DIM:#}"));
        terminal::say(format_args!("  {counts}"));
        let took = begun.elapsed().as_secs_f64();
        if passed {
            terminal::say(format_args!("{GOOD}PASSED{GOOD:#}  {processes} backends with seed {seed} in {took:.1} s"));
        } else {
            let count = problems.len();
            terminal::say(format_args!(
                "{BAD}FAILED{BAD:#}  {processes} backends with seed {seed} after {took:.1} s: {count} wrong"
            ));
        }
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints progress and faults as they happen, separately from the result.
fn note(line: impl std::fmt::Display) {
    terminal::note(format_args!("{DIM}{line}{DIM:#}"));
}

async fn play(stack: &Stack, script: &Script, processes: usize) -> Result<Ledger> {
    stack.start_only(NEEDED, |_| ()).await?;
    let fleet = Fleet::new(stack, processes)?;
    fleet.start_all().await?;
    faults::play(stack, &fleet, script, &|line| note(line)).await
}

/// Always the stack's own PostgreSQL, since it will be killed.
fn sources(global: &GlobalArgs) -> Sources {
    let mut sources = global.sources();
    sources.environment.retain(|(name, _)| !name.eq_ignore_ascii_case("ConnectionStrings__PostgreSQL"));
    for (name, value) in SETTINGS {
        sources.set(name, value);
    }
    sources
}
