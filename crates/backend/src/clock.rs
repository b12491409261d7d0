//! Time as an input.

use std::{
    fmt::Debug,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

/// Tells the time. Everything that depends on time takes it from here.
pub trait Clock: Debug + Send + Sync {
    /// The present time, UTC, in whole microseconds: what PostgreSQL keeps.
    fn now(&self) -> OffsetDateTime;
}

fn whole_microseconds(at: OffsetDateTime) -> OffsetDateTime {
    at - Duration::from_nanos(u64::from(at.nanosecond() % 1_000))
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the time comes from")]
    fn now(&self) -> OffsetDateTime {
        whole_microseconds(OffsetDateTime::now_utc())
    }
}

/// A clock that stands still until it is moved, for tests and demonstrations.
#[derive(Debug)]
pub struct ManualClock(Mutex<OffsetDateTime>);

impl ManualClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn at(now: OffsetDateTime) -> Self {
        Self(Mutex::new(whole_microseconds(now)))
    }

    /// Sets the clock.
    pub fn set(&self, now: OffsetDateTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = whole_microseconds(now);
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
