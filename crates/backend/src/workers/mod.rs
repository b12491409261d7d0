//! What happens without being asked for. Any number of processes may run these beside one another.

pub mod announcements;
pub mod expiry;
pub mod roulette;

use std::time::Duration;

use mgm_store::StoreError;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::state::AppState;

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Starts all of them; they end with `shutdown`.
pub fn start(state: &AppState, tasks: &TaskTracker, shutdown: &CancellationToken) {
    tasks.spawn(roulette::run(state.clone(), shutdown.clone()));
    tasks.spawn(announcements::run(state.clone(), shutdown.clone()));
    tasks.spawn(expiry::run(state.clone(), shutdown.clone()));
}

/// Pauses between rounds: as asked after a good one, longer and longer after failures.
struct Rounds {
    worker: &'static str,
    shutdown: CancellationToken,
    failures: u32,
}

impl Rounds {
    fn new(worker: &'static str, shutdown: CancellationToken) -> Self {
        Self { worker, shutdown, failures: 0 }
    }

    /// Waits for the next round; answers whether there is one.
    async fn next(&mut self, last: Result<(), StoreError>, pause: Duration) -> bool {
        let pause = match last {
            Ok(()) => {
                self.failures = 0;
                pause
            }
            Err(error) => {
                self.failures += 1;
                tracing::warn!(worker = self.worker, %error, failures = self.failures, "a round failed");
                metrics::counter!("mgm_worker_failures_total", "worker" => self.worker).increment(1);
                pause.max(Duration::from_millis(100) * 2_u32.saturating_pow(self.failures)).min(LONGEST_PAUSE)
            }
        };
        self.shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_some()
    }
}
