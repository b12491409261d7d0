//! What happens without being asked for. Any number of processes may run these beside one another.

pub mod announcements;
pub mod expiry;
mod gauges;
pub mod gift_timeouts;
pub mod gift_verification;
pub mod roulette;
mod subscription;
mod token;

use std::{sync::Arc, time::Duration};

use mgm_store::StoreError;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::{Clock, SystemClock},
    metrics,
    routes::state::AppState,
};

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Starts all of them; they end with `shutdown`.
pub fn start(state: &AppState, tasks: &TaskTracker, shutdown: &CancellationToken) {
    tasks.spawn(roulette::run(state.clone(), shutdown.clone()));
    let wake = Arc::new(Notify::new());
    tasks.spawn(announcements::listen(state.clone(), Arc::clone(&wake), shutdown.clone()));
    tasks.spawn(announcements::run(state.clone(), wake, shutdown.clone()));
    tasks.spawn(expiry::run(state.clone(), shutdown.clone()));
    tasks.spawn(subscription::run(state.clone(), shutdown.clone()));
    tasks.spawn(gift_verification::run(state.clone(), shutdown.clone()));
    tasks.spawn(gift_timeouts::run(state.clone(), shutdown.clone()));
    if state.helix.is_validated() {
        tasks.spawn(token::run(state.clone(), shutdown.clone()));
    }
    if state.config.settings.mgm.metrics_urls.is_some() {
        tasks.spawn(gauges::run(state.clone(), shutdown.clone()));
    }
}

/// Pauses between rounds: as asked after a good one, longer and longer after failures.
struct Rounds {
    worker: &'static str,
    shutdown: CancellationToken,
    failures: u32,
}

impl Rounds {
    fn new(worker: &'static str, shutdown: CancellationToken) -> Self {
        metrics::worker_failures(worker).increment(0);
        let rounds = Self { worker, shutdown, failures: 0 };
        rounds.note_success();
        rounds
    }

    /// Waits for the next round; answers whether there is one.
    async fn next(&mut self, last: Result<(), StoreError>, pause: Duration) -> bool {
        let pause = match last {
            Ok(()) => {
                self.failures = 0;
                self.note_success();
                pause
            }
            Err(error) => {
                self.failures += 1;
                tracing::warn!(worker = self.worker, %error, failures = self.failures, "a round failed");
                metrics::worker_failures(self.worker).increment(1);
                pause.max(Duration::from_millis(100) * 2_u32.saturating_pow(self.failures)).min(LONGEST_PAUSE)
            }
        };
        self.shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_some()
    }

    /// By the machine's clock: Prometheus compares it with its own.
    fn note_success(&self) {
        let now = (SystemClock.now() - OffsetDateTime::UNIX_EPOCH).as_seconds_f64();
        metrics::worker_last_success_timestamp_seconds(self.worker).set(now);
    }

    /// The same, and at once when woken. Pauses after failures are kept.
    async fn next_or_woken(&mut self, last: Result<(), StoreError>, pause: Duration, woken: &Notify) -> bool {
        let may_wake = last.is_ok();
        tokio::select! {
            goes_on = self.next(last, pause) => goes_on,
            () = woken.notified(), if may_wake => true,
        }
    }
}
