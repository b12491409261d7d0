//! When to ask Twitch again whether the viewer of an unverified request subscribes to the channel.

use std::time::Duration;

use time::OffsetDateTime;

use crate::backoff::{Backoff, not_before};

/// How long after its receipt a request from chat can be verified.
pub const WITHIN: Duration = Duration::from_secs(3_600);

const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(60) };

/// When to ask again after the attempt numbered `attempt` (from 1) got no answer. Delays grow from 2 s to 60 s; `jitter` is
/// that of [`Backoff::delay`]. If Twitch gave a time, not before that `earliest`, but within [`WITHIN`].
#[must_use]
pub fn retry_at(attempt: u32, earliest: Option<OffsetDateTime>, now: OffsetDateTime, jitter: f64) -> OffsetDateTime {
    not_before(now + BACKOFF.delay(attempt, jitter), earliest, now + WITHIN)
}

#[cfg(test)]
mod tests {
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
}
