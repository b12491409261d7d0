//! The loop that runs every worker.

use std::{future::pending, time::Duration};

use mgm_domain::Backoff;
use mgm_store::StoreError;
use mgm_system::{Clock, SystemClock};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// The pauses after failures, if they are longer than the worker's own.
const AFTER_FAILURE: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(30) };

/// A background task that works in rounds.
pub(super) trait Worker: Send {
    /// Its name in the log and the metrics.
    const NAME: &'static str;

    /// Does one round.
    fn round(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The pause after a successful round.
    fn pause(&self) -> Duration;

    /// Ends a pause early, except one after a failure.
    fn woken(&self) -> impl Future<Output = ()> + Send {
        pending()
    }
}

/// Runs rounds until `shutdown`, which interrupts pauses but not rounds. After a success the pause is the worker's own;
/// it grows with each failure in a row.
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

/// By the machine's clock, since Prometheus compares it with its own.
fn note_success<W: Worker>() {
    let now = (SystemClock.now() - OffsetDateTime::UNIX_EPOCH).as_seconds_f64();
    metrics::worker_last_success_timestamp_seconds(W::NAME).set(now);
}
