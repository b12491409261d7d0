//! Waits by polling.

use std::time::{Duration, Instant};

use backon::{BlockingRetryable as _, ConstantBuilder};

/// Short compared with everything that is waited for here.
const INTERVAL: Duration = Duration::from_millis(2);

/// Polls `probe` until it returns a value, for at most `limit`; blocks the thread.
pub(crate) fn until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    let policy = ConstantBuilder::default().with_delay(INTERVAL).without_max_times();
    (|| probe().ok_or(())).retry(policy).when(|()| start.elapsed() < limit).call().ok()
}
