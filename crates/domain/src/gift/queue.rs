//! A streamer's queue: the request being served, then those that are `Pending`, oldest first.

use std::time::Duration;

/// The estimated time for each place in the queue.
pub const WAIT_A_PLACE: Duration = Duration::from_secs(65);

/// The estimated wait of a request at this place, from 1. 0 is a request that is in no queue.
#[must_use]
pub fn estimated_wait(position: u32) -> Duration {
    WAIT_A_PLACE * position.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_before_one_takes_65_seconds() {
        let waits: Vec<_> = (0..5).map(|position| estimated_wait(position).as_secs()).collect();
        assert_eq!(waits, [0, 0, 65, 130, 195]);
    }

    #[test]
    fn a_queue_without_end_is_reckoned_without_overflow() {
        assert_eq!(estimated_wait(u32::MAX).as_secs(), 65 * (u64::from(u32::MAX) - 1));
    }
}
