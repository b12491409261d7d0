//! Injects the standard faults at random moments.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use mgm_api_types::mocks::{Fault, FaultKind};
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;

use super::fleet::Fleet;
use super::run::FaultRun;
use crate::stack::{DatabaseFault, Stack};

/// A fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Trouble {
    /// SIGKILL of a backend, and its restart.
    Kill,
    /// Several kills of a backend in a row, some before it has started.
    Kills,
    /// SIGTERM of a backend, and its restart.
    Drain,
    /// Restart of PostgreSQL.
    Restart,
    /// SIGKILL of PostgreSQL, which then recovers.
    Crash,
    /// The end of every session of the database.
    Sessions,
    /// Every table is locked for a while, so that each backend runs out of connections.
    Pool,
}

/// Longer than a backend waits for a free connection.
const LOCKED_FOR: Duration = Duration::from_secs(4);
/// Only one fault of Helix waits at a time, so that none is left at the end.
const HELIX_EVERY: Duration = Duration::from_millis(250);

/// Injects faults until the players stop.
pub async fn inject(
    run: &FaultRun<'_>,
    stack: &Stack,
    kinds: &[Trouble],
    mut rng: StdRng,
    say: &dyn Fn(String),
) -> Result<()> {
    let begun = Instant::now();
    let mut deck = Vec::new();
    while !kinds.is_empty() {
        tokio::time::sleep(Duration::from_millis(rng.random_range(100..1_200))).await;
        if Instant::now() >= run.until {
            break;
        }
        // Each kind has its turn before one is repeated.
        if deck.is_empty() {
            deck.extend_from_slice(kinds);
        }
        let kind = deck.swap_remove(rng.random_range(0..deck.len()));
        let number = rng.random_range(0..run.fleet.size());
        say(format!("{:5.1} s  {}", begun.elapsed().as_secs_f64(), kind.tell(number)));
        run.ledger.borrow_mut().counts.faults += 1;
        kind.cause(run, stack, number, &mut rng).await?;
    }
    Ok(())
}

impl Trouble {
    fn tell(self, number: usize) -> String {
        let backend = format!("backend {}", number + 1);
        match self {
            Self::Kill => format!("{backend} is killed"),
            Self::Kills => format!("{backend} is killed again and again"),
            Self::Drain => format!("{backend} is asked to stop"),
            Self::Restart => "PostgreSQL restarts".to_owned(),
            Self::Crash => "PostgreSQL is killed".to_owned(),
            Self::Sessions => "every session of the database ends".to_owned(),
            Self::Pool => "every table is locked, connections run out".to_owned(),
        }
    }

    async fn cause(self, run: &FaultRun<'_>, stack: &Stack, number: usize, rng: &mut StdRng) -> Result<()> {
        let fleet = run.fleet;
        for death in fleet.deaths() {
            run.ledger.borrow_mut().wrong(death);
        }
        match self {
            Self::Kill => kill(fleet, number, rng).await?,
            Self::Kills => {
                for _ in 0..rng.random_range(3..7) {
                    kill(fleet, number, rng).await?;
                }
            }
            Self::Drain => {
                if let Some(problem) = fleet.drain(number).await {
                    run.ledger.borrow_mut().wrong(problem);
                }
                fleet.start(number)?;
            }
            Self::Restart => stack.trouble_database(DatabaseFault::Restart).await?,
            Self::Crash => stack.trouble_database(DatabaseFault::Crash).await?,
            Self::Sessions => stack.trouble_database(DatabaseFault::Sessions).await?,
            Self::Pool => stack.trouble_database(DatabaseFault::Locks(LOCKED_FOR)).await?,
        }
        Ok(())
    }
}

async fn kill(fleet: &Fleet<'_>, number: usize, rng: &mut StdRng) -> Result<()> {
    fleet.kill(number).await;
    tokio::time::sleep(Duration::from_millis(rng.random_range(0..200))).await;
    fleet.start(number)?;
    tokio::time::sleep(Duration::from_millis(rng.random_range(0..400))).await;
    Ok(())
}

impl FaultRun<'_> {
    /// Makes Helix misbehave until the players stop.
    pub(super) async fn trouble_helix(&self, mut rng: StdRng) {
        while Instant::now() < self.until {
            tokio::time::sleep(HELIX_EVERY).await;
            let waiting = self.helix.send(self.helix.request(Method::GET, "/faults")).await;
            if !waiting.is_ok_and(|answer| answer.json::<Vec<Fault>>().is_some_and(|waiting| waiting.is_empty())) {
                continue;
            }
            let fault = any_fault(&mut rng);
            // It may be busy; there will be another time.
            let _ = self.helix.send(self.helix.request(Method::POST, "/faults").json(&[fault])).await;
        }
    }
}

fn any_fault(rng: &mut StdRng) -> Fault {
    let fault = |kind, status, delay_ms| Fault { status, delay_ms, ..Fault::of(kind) };
    match rng.random_range(0..9) {
        0 => fault(FaultKind::Status, Some(500), None),
        1 => fault(FaultKind::Status, Some(503), None),
        2 => fault(FaultKind::Status, Some(429), None),
        3 => fault(FaultKind::Status, Some(502), None),
        4 => fault(FaultKind::NotSent, None, None),
        5 => fault(FaultKind::ReplyLost, None, None),
        6 => fault(FaultKind::Truncated, None, None),
        7 => fault(FaultKind::Dropped, None, None),
        _ => fault(FaultKind::Slow, None, Some(rng.random_range(100..4_000))),
    }
}
