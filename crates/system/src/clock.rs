//! Time as an input.

use std::{
    fmt::Debug,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::time::ClockId;
use time::OffsetDateTime;

/// A clock that includes suspended time and is never set. On Linux only this one does both.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UPTIME: ClockId = ClockId::CLOCK_BOOTTIME;
/// Apple's clock continues while the machine sleeps. Those of the BSDs may not, and they have none better: there only the
/// wall clock, which is checked as well, reveals a sleep.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const UPTIME: ClockId = ClockId::CLOCK_MONOTONIC;

/// A source of time. Everything that depends on time uses it.
pub trait Clock: Debug + Send + Sync {
    /// The current time, UTC, in whole microseconds, which is PostgreSQL's precision.
    fn now(&self) -> OffsetDateTime;

    /// The time since some moment before the process started, including time in which the machine was suspended. It never goes
    /// back, whatever the wall clock is set to.
    fn uptime(&self) -> Duration;
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

    fn uptime(&self) -> Duration {
        UPTIME.now().expect("every kernel that this is built for has the clock").into()
    }
}

/// A clock that stands still until it is moved, for tests and demonstrations.
#[derive(Debug)]
pub struct ManualClock(Mutex<(OffsetDateTime, Duration)>);

impl ManualClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn at(now: OffsetDateTime) -> Self {
        Self(Mutex::new((whole_microseconds(now), Duration::ZERO)))
    }

    /// Sets the wall clock, as an administrator does: no time passes.
    pub fn set(&self, now: OffsetDateTime) {
        self.hands().0 = whole_microseconds(now);
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.hands();
        hands.0 += by;
        hands.1 += by;
    }

    fn hands(&self) -> MutexGuard<'_, (OffsetDateTime, Duration)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        self.hands().0
    }

    fn uptime(&self) -> Duration {
        self.hands().1
    }
}
