//! A bucket of points that refills evenly (<https://dev.twitch.tv/docs/api/guide/#twitch-rate-limits>).

use time::{Duration, OffsetDateTime};

/// The parts of a point: each millisecond restores as many parts as there are points per minute.
const PARTS: u64 = 60_000;

/// The points that were spent and are not yet restored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    spent: u64,
    at: OffsetDateTime,
}

/// The level of a bucket, after an attempt to take a point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Level {
    /// The points of a full bucket.
    pub(crate) limit: u32,
    /// The points left.
    pub(crate) remaining: u32,
    /// When it is full again, in seconds since 1970.
    pub(crate) reset: i64,
    /// Whether a point was taken.
    pub(crate) taken: bool,
}

impl Bucket {
    /// A full bucket.
    pub(crate) const fn full(now: OffsetDateTime) -> Self {
        Self { spent: 0, at: now }
    }

    /// Takes a point, if there is one.
    pub(crate) fn take(&mut self, now: OffsetDateTime, per_minute: u32) -> Level {
        let rate = u64::from(per_minute);
        let passed = u64::try_from((now - self.at).whole_milliseconds()).unwrap_or(0);
        self.spent = self.spent.saturating_sub(passed.saturating_mul(rate));
        self.at = now;
        let capacity = rate * PARTS;
        let taken = self.spent + PARTS <= capacity;
        if taken {
            self.spent += PARTS;
        }
        let remaining = (capacity - self.spent) / PARTS;
        let full = now + Duration::milliseconds(i64::try_from(self.spent.div_ceil(rate)).unwrap_or(i64::MAX));
        Level {
            limit: per_minute,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset: full.unix_timestamp() + 1,
            taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn points_come_back_evenly_and_never_more_than_there_were() {
        let mut bucket = Bucket::full(START);
        // Milliseconds since the start; the points left, when it is full again, and whether a point was taken.
        for (at, remaining, reset, taken) in [
            (0, 2, 21, true),
            (0, 1, 41, true),
            (0, 0, 61, true),
            (0, 0, 61, false),
            (19_999, 0, 61, false),
            (20_000, 0, 81, true),
            (60_000, 1, 101, true),
            (10_000_000, 2, 10_021, true),
        ] {
            let level = bucket.take(START + Duration::milliseconds(at), 3);
            assert_eq!(level, Level { limit: 3, remaining, reset, taken }, "{at}");
        }
    }
}
