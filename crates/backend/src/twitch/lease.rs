//! A lease, as its holder sees it, on something that must not be done twice.

use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;

use mgm_system::Clock;

/// For how long a claim belongs to this process alone.
///
/// Other processes judge it by the wall-clock time stored with the claim. The wall clock may be set forwards or
/// backwards, and a machine may sleep; so the holder uses the wall clock and a monotonic clock that runs during sleep,
/// whichever leaves less.
#[derive(Debug, Clone)]
pub struct Lease {
    clock: Arc<dyn Clock>,
    length: Duration,
    begun_at: OffsetDateTime,
    begun: Duration,
}

/// Too little of a lease is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its turn was nearly over before Twitch could be asked")]
pub struct LeaseOver;

impl Lease {
    /// Begins a lease. Call this before asking for the claim, since asking takes time.
    #[must_use]
    pub fn begin(clock: &Arc<dyn Clock>, length: Duration) -> Self {
        Self { clock: Arc::clone(clock), length, begun_at: clock.now(), begun: clock.uptime() }
    }

    /// When it began, by the wall clock.
    #[must_use]
    pub const fn begun_at(&self) -> OffsetDateTime {
        self.begun_at
    }

    /// Its length.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// Whether something that takes up to `longest` may begin: it must end before the lease does.
    pub fn leaves(&self, longest: Duration) -> Result<(), LeaseOver> {
        let by_date = self.begun_at + self.length - self.clock.now();
        let by_uptime = self.length.saturating_sub(self.clock.uptime().saturating_sub(self.begun));
        if by_date > longest && by_uptime > longest { Ok(()) } else { Err(LeaseOver) }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use mgm_system::{ManualClock, SystemClock};

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
    const LENGTH: Duration = Duration::from_secs(40);
    const CALL: Duration = Duration::from_secs(10);

    fn lease() -> (Arc<ManualClock>, Lease) {
        let clock = Arc::new(ManualClock::at(NOW));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        (clock, Lease::begin(&shared, LENGTH))
    }

    #[test]
    fn a_call_may_begin_as_long_as_it_is_over_before_the_lease_is() {
        let (clock, lease) = lease();
        assert_eq!(lease.leaves(CALL), Ok(()));
        clock.advance(Duration::from_micros(29_999_999));
        assert_eq!(lease.leaves(CALL), Ok(()));
        clock.advance(Duration::from_micros(1));
        assert_eq!(lease.leaves(CALL), Err(LeaseOver));
        clock.advance(3 * LENGTH);
        assert_eq!(lease.leaves(CALL), Err(LeaseOver));
        assert_eq!(lease.leaves(Duration::ZERO), Err(LeaseOver));
    }

    /// Therefore `Announcements__LeaseMarginSeconds` must not be 0.
    #[test]
    fn a_lease_as_long_as_the_call_leaves_no_time_for_it() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
        assert_eq!(Lease::begin(&clock, CALL).leaves(CALL), Err(LeaseOver));
        assert_eq!(Lease::begin(&clock, CALL + Duration::from_secs(1)).leaves(CALL), Ok(()));
    }

    #[test]
    fn a_date_that_is_set_back_gives_no_time_and_one_set_forward_takes_it() {
        let (clock, lease) = lease();
        clock.advance(LENGTH);
        clock.set(NOW);
        assert_eq!(lease.leaves(CALL), Err(LeaseOver));
        let (clock, lease) = self::lease();
        clock.set(NOW + LENGTH);
        assert_eq!(lease.leaves(CALL), Err(LeaseOver), "others have taken the claim for unknown");
        clock.set(NOW - LENGTH);
        assert_eq!(lease.leaves(CALL), Ok(()));
    }

    #[test]
    fn the_uptime_of_the_machine_goes_on() {
        let before = SystemClock.uptime();
        std::thread::sleep(Duration::from_millis(5));
        assert!(SystemClock.uptime() >= before + Duration::from_millis(5));
    }
}
