//! Backends under load with faults: everything acknowledged happened exactly once, and nothing is forgotten.
//!
//! Players act as viewers, as the streamer's desktop program and as Twitch, which redelivers what was not acknowledged, and
//! record in a [`Ledger`] what they were told. Meanwhile an injector kills processes and disturbs the database. At the
//! end the backends' reports are compared with the ledger.

mod desktop;
mod fleet;
mod injector;
mod ledger;
mod link;
mod run;
mod verify;
mod viewers;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use mgm_service::services::ServiceId;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::stack::Stack;
use run::FaultRun;

pub use fleet::Fleet;
pub use injector::Trouble;
pub use ledger::Ledger;

/// The number of viewers that enrol by chat and by the panel at the same time.
const CROWDS: usize = 4;
/// The number of viewers that win through the harness at the same time.
const WINNERS: usize = 3;
/// How long everything may take to settle after the last fault.
const REST_WITHIN: Duration = Duration::from_secs(180);

/// The parameters of a run.
#[derive(Clone, Debug)]
pub struct Script {
    /// How long load and faults last.
    pub length: Duration,
    /// The faults to inject; none if empty.
    pub kinds: Vec<Trouble>,
    /// The source of everything random, such as moments and kinds of faults.
    pub seed: u64,
}

/// Runs the script; the ledger holds what happened and every problem. `say` is called for each fault.
pub async fn play(stack: &Stack, fleet: &Fleet<'_>, script: &Script, say: &dyn Fn(String)) -> Result<Ledger> {
    let plan = stack.plan();
    let settings = &plan.environment.settings;
    let targets = plan.ports.targets();
    let begun = Instant::now();
    let run = FaultRun {
        fleet,
        jwt: targets.endpoint(ServiceId::MockJwt)?,
        helix: targets.endpoint(ServiceId::MockHelix)?,
        api_key: settings.mgm.api_key.clone().context("no desktop key is set (Mgm__ApiKey)")?,
        broadcaster_id: settings
            .twitch
            .broadcaster_user_id
            .as_ref()
            .map(ToString::to_string)
            .context("no broadcaster is set (Twitch__BroadcasterUserId)")?,
        event_sub_secret: settings.twitch.event_sub_secret.clone(),
        ledger: RefCell::default(),
        until: begun + script.length,
    };
    let mut seeds = StdRng::seed_from_u64(script.seed);
    let mut rng = || StdRng::from_seed(seeds.random());
    let crowds: Vec<_> = (0..CROWDS).map(|crowd| run.crowd(crowd, rng())).collect();
    let winners: Vec<_> = (0..WINNERS).map(|winner| run.winners(winner, rng())).collect();
    let desktop = run.desktop();
    let helix = run.trouble_helix(rng());
    let injected = injector::inject(&run, stack, &script.kinds, rng(), say);
    let (_, _, (), (), injected) = tokio::join!(join_all(crowds), join_all(winners), desktop, helix, injected);
    injected?;
    say(format!("{:5.1} s  load and faults are over; waiting for everything to settle", begun.elapsed().as_secs_f64()));
    run.verify(stack).await?;
    Ok(run.ledger.into_inner())
}
