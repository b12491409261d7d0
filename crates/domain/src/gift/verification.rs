//! When to ask Twitch again whether the viewer of an unverified request subscribes.

use std::time::Duration;

use time::OffsetDateTime;

/// How long after its receipt a request by chat can be verified.
pub const WITHIN: Duration = Duration::from_secs(3_600);

const FIRST_DELAY: Duration = Duration::from_secs(2);
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// When to ask again after the attempt numbered `attempt` (from 1) had no answer. Delays double from 2 s to 60 s; `jitter`,
/// from 0 to 1, takes up to a half off, so that processes do not retry in step. Not before `not_before`, when Twitch gave
/// a time, within [`WITHIN`].
#[must_use]
pub fn retry_at(attempt: u32, not_before: Option<OffsetDateTime>, now: OffsetDateTime, jitter: f64) -> OffsetDateTime {
    let doubled = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    let at = now + doubled.min(LONGEST_DELAY).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0);
    not_before.map_or(at, |earliest| at.max(earliest.min(now + WITHIN)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    #[test]
    fn delays_grow_to_a_limit() {
        let delays: Vec<_> = (1..9).map(|attempt| (retry_at(attempt, None, NOW, 0.0) - NOW).whole_seconds()).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn twitchs_reset_is_waited_for_within_reason() {
        let reset = NOW + Duration::from_secs(90);
        assert_eq!(retry_at(1, Some(reset), NOW, 0.0), reset);
        assert_eq!(retry_at(1, Some(NOW + WITHIN * 100), NOW, 0.0), NOW + WITHIN);
    }

    proptest! {
        #[test]
        fn jitter_takes_off_at_most_half(attempt in 1..=u32::MAX, jitter in 0.0..=1.0) {
            let delay = |jitter| retry_at(attempt, None, NOW, jitter) - NOW;
            prop_assert!(delay(jitter) <= delay(0.0) && delay(jitter) * 2 >= delay(0.0));
        }
    }
}
