//! The loop that every worker runs on.

use std::{future::pending, time::Duration};

use mgm_domain::Backoff;
use mgm_store::StoreError;
use mgm_system::{Clock, SystemClock};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// The pauses after failures, where they are longer than the worker's own.
const AFTER_FAILURE: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(30) };

/// Something that is done in rounds, without being asked for.
pub(super) trait Worker: Send {
    /// What the log and the metrics call it.
    const NAME: &'static str;

    /// Does a round.
    fn round(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How long after a round the next is due.
    fn pause(&self) -> Duration;

    /// Ends a pause early, but none that is for a failure.
    fn woken(&self) -> impl Future<Output = ()> + Send {
        pending()
    }
}

/// Does one round after the other until `shutdown`, which cuts pauses and no rounds. The pauses are the worker's own after a
/// good round, and longer and longer after failures.
pub(super) async fn run<W: Worker>(mut worker: W, shutdown: CancellationToken) {
    metrics::worker_failures(W::NAME).increment(0);
    note_success::<W>();
    let mut failures = 0_u32;
    loop {
        let pause = match worker.round().await {
            Ok(()) => {
                failures = 0;
                note_success::<W>();
                worker.pause()
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::warn!(worker = W::NAME, %error, failures, "a round failed");
                metrics::worker_failures(W::NAME).increment(1);
                worker.pause().max(AFTER_FAILURE.delay(failures, 0.0)).min(AFTER_FAILURE.longest)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = worker.woken(), if failures == 0 => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// By the machine's clock: Prometheus compares it with its own.
fn note_success<W: Worker>() {
    let now = (SystemClock.now() - OffsetDateTime::UNIX_EPOCH).as_seconds_f64();
    metrics::worker_last_success_timestamp_seconds(W::NAME).set(now);
}
