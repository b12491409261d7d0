//! Back-off: when to retry something that failed. The crate `backon` does this for immediate retries within one call; here
//! the number of the attempt is stored in the database between calls.

use std::time::Duration;

use time::OffsetDateTime;

/// Delays that double from the first to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The delay after the first attempt.
    pub first: Duration,
    /// The longest delay.
    pub longest: Duration,
}

impl Backoff {
    /// The delay after the attempt numbered `attempt` (from 1). `jitter`, from 0 to 1, subtracts up to half, so that
    /// processes do not retry in step.
    #[must_use]
    pub fn delay(self, attempt: u32, jitter: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        doubled.min(self.longest).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }
}

/// The later of two times: our own, and the earliest that the other side accepts. Its clock may be far off, so it
/// delays nothing beyond `latest`.
#[must_use]
pub fn not_before(at: OffsetDateTime, earliest: Option<OffsetDateTime>, latest: OffsetDateTime) -> OffsetDateTime {
    earliest.map_or(at, |earliest| at.max(earliest.min(latest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(300) };
    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    #[test]
    fn delays_double_up_to_their_limit() {
        let seconds = |attempt| BACKOFF.delay(attempt, 0.0).as_secs();
        assert_eq!([0, 1, 2, 3, 9, 10, u32::MAX].map(seconds), [1, 1, 2, 4, 256, 300, 300]);
    }

    #[test]
    fn the_other_sides_moment_is_waited_for_within_reason() {
        let after = |seconds| NOW + Duration::from_secs(seconds);
        assert_eq!(not_before(after(2), None, after(60)), after(2));
        assert_eq!(not_before(after(2), Some(after(1)), after(60)), after(2));
        assert_eq!(not_before(after(2), Some(after(30)), after(60)), after(30));
        assert_eq!(not_before(after(2), Some(after(1_000_000)), after(60)), after(60));
    }

    proptest! {
        #[test]
        fn jitter_takes_off_at_most_half(attempt in 1..=u32::MAX, jitter in 0.0..=1.0) {
            let (whole, delay) = (BACKOFF.delay(attempt, 0.0), BACKOFF.delay(attempt, jitter));
            prop_assert!(delay <= whole && delay * 2 >= whole);
        }
    }
}
