//! Durations as reports show them.

use std::time::Duration;

/// In milliseconds, with three decimals.
#[expect(clippy::cast_precision_loss, reason = "durations of runs are far below 2^53 microseconds")]
pub fn in_milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// The same, with its unit.
pub fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", in_milliseconds(duration))
}

/// In seconds, with their unit.
pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
