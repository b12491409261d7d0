//! Waiting for what sends no notice.

use std::time::{Duration, Instant};

use backon::{BlockingRetryable as _, ConstantBuilder};

/// Short beside all that is waited for here.
const INTERVAL: Duration = Duration::from_millis(2);

/// Asks `probe` again and again until it answers, for at most `limit`; blocks the thread.
pub(crate) fn until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    let policy = ConstantBuilder::default().with_delay(INTERVAL).without_max_times();
    (|| probe().ok_or(())).retry(policy).when(|()| start.elapsed() < limit).call().ok()
}
