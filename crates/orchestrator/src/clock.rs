//! The one place that reads the time of day.

use time::OffsetDateTime;

/// The present time, UTC.
#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
