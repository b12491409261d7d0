//! Waiting for what sends no notice.

use std::time::{Duration, Instant};

/// Short beside all that is waited for here.
const INTERVAL: Duration = Duration::from_millis(2);

/// Asks `probe` again and again until it answers, for at most `limit`; blocks the thread.
pub(crate) fn until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        match probe() {
            Some(answer) => return Some(answer),
            None if start.elapsed() >= limit => return None,
            None => std::thread::sleep(INTERVAL),
        }
    }
}
