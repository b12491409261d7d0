//! The scenarios: Tier A and Tier B, over HTTP only.

mod causes;
mod stage;
mod step;
mod steps;

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::health::{Unhealthy, examine};
use crate::http::Endpoint;

pub use causes::cause_of_silence;
pub use stage::{Stage, Viewer};
pub use step::{Mismatch, Step, Taken};

/// Which scenario.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tier {
    /// Enrolment.
    A,
    /// Enrolment, payout and announcement.
    B,
}

/// Records the steps of a scenario as they are run.
pub struct Recorder<'a> {
    on_taken: &'a mut dyn FnMut(&Taken),
    taken: Vec<Taken>,
}

/// A step failed; the [`Recorder`] knows which one and why.
#[derive(Debug)]
pub struct Failed;

impl Tier {
    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::A => "Tier A",
            Self::B => "Tier B",
        }
    }

    /// The name for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "tier-a",
            Self::B => "tier-b",
        }
    }

    /// All steps.
    pub fn steps(self) -> &'static [&'static Step] {
        match self {
            Self::A => &steps::ALL[..steps::TIER_A_STEPS],
            Self::B => steps::ALL,
        }
    }
}

impl Stage {
    /// The services of the scenario at whose addresses another service answers, as sentences. The steps will find services that
    /// are away or unhealthy.
    pub async fn mistaken(&self, tier: Tier) -> Vec<String> {
        let is_involved =
            |endpoint: &&Endpoint| tier.steps().iter().any(|step| step.involved.contains(&endpoint.service));
        let examined = self.endpoints.values().filter(is_involved).map(async |endpoint| {
            let health = endpoint.service.service().health.as_ref()?;
            match examine(endpoint, health).await {
                Err(other @ Unhealthy::Other { .. }) => Some(format!("{} {other}", endpoint.url())),
                _ => None,
            }
        });
        join_all(examined).await.into_iter().flatten().collect()
    }

    /// Runs the steps of a scenario, up to the first that fails.
    pub async fn play(&self, tier: Tier, recorder: &mut Recorder<'_>) -> Result<(), Failed> {
        recorder.step(&steps::SEND_CHAT, self.send_chat()).await?;
        let token = recorder.step(&steps::TOKEN, self.token()).await?;
        recorder.step(&steps::ENROLLED, self.is_enrolled(&token)).await?;
        if tier == Tier::A {
            return Ok(());
        }
        recorder.step(&steps::REFUSED, self.stranger_is_refused()).await?;
        let payout = recorder.step(&steps::PREPARE, self.prepare_payout()).await?;
        let sent_before = self.sent_so_far().await;
        let run = recorder.step(&steps::SEQUENCE, self.run_sequence(&payout)).await?;
        recorder.step(&steps::ANNOUNCED, self.is_announced(sent_before)).await?;
        recorder.step(&steps::LAST_RUN, self.last_run_is_ok(&run)).await?;
        recorder.step(&steps::LEFT, self.has_left(&token)).await
    }
}

impl<'a> Recorder<'a> {
    /// Calls `on_taken` after each step.
    pub fn new(on_taken: &'a mut dyn FnMut(&Taken)) -> Self {
        Self { on_taken, taken: Vec::new() }
    }

    /// The steps that were run so far.
    pub fn into_taken(self) -> Vec<Taken> {
        self.taken
    }

    /// Records that the current step was aborted for an external reason; `None` if all steps were run.
    pub fn broken_off(&mut self, tier: Tier, mismatch: Mismatch) {
        if let Some(step) = tier.steps().get(self.taken.len()) {
            self.note(Taken { step, took: Duration::ZERO, outcome: Err(mismatch) });
        }
    }

    /// Adds information to the step that failed.
    pub fn explain(&mut self, mismatch: Mismatch) {
        if let Some(taken) = self.taken.last_mut() {
            taken.outcome = Err(mismatch);
            (self.on_taken)(taken);
        }
    }

    async fn step<T>(
        &mut self,
        step: &'static Step,
        taking: impl Future<Output = Result<(T, String), Mismatch>>,
    ) -> Result<T, Failed> {
        let begun = Instant::now();
        let result = taking.await;
        let took = begun.elapsed();
        let (value, outcome) = match result {
            Ok((value, seen)) => (Ok(value), Ok(seen)),
            Err(mismatch) => (Err(Failed), Err(mismatch)),
        };
        self.note(Taken { step, took, outcome });
        value
    }

    fn note(&mut self, taken: Taken) {
        (self.on_taken)(&taken);
        self.taken.push(taken);
    }
}
