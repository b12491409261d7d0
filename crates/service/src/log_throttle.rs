//! Limits how often a frequent event is logged.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// At most one line in this time.
const EVERY: Duration = Duration::from_secs(10);

/// Counts an event between its log lines.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    count: u64,
}

impl LogThrottle {
    /// Counts an event; returns the count since the last line when the next line is due.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.due_at(Instant::now())
    }

    fn due_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        if state.last.is_some_and(|last| now - last < EVERY) {
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_together() {
        let (report, start) = (LogThrottle::default(), Instant::now());
        assert_eq!([0, 1, 9].map(|s| report.due_at(start + Duration::from_secs(s))), [Some(1), None, None]);
        assert_eq!([10, 11].map(|s| report.due_at(start + Duration::from_secs(s))), [Some(3), None]);
    }
}
