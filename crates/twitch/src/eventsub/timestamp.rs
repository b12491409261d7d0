//! The timestamp and the age of a message.

use time::format_description::StaticFormatDescription;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};

/// RFC 3339 in UTC, with all nine digits of the nanoseconds.
const TWITCH: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:9]Z");

/// How far a message's time may differ from ours, in either direction.
pub const MAX_AGE: Duration = Duration::minutes(10);

/// The timestamp header is neither RFC 3339 nor epoch seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the timestamp is neither RFC 3339 nor epoch seconds")]
pub struct TimestampError;

/// The message is too old, or from the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is {} s off the current time, more than {} s", .0.whole_seconds().unsigned_abs(), MAX_AGE.whole_seconds())]
pub struct StaleMessage(
    /// Its age; negative for a message from the future.
    pub Duration,
);

/// Parses the timestamp header: RFC 3339 with any number of fraction digits (Twitch sends nine; digits beyond nanoseconds
/// are dropped), or whole seconds since the Unix epoch.
pub fn parse_timestamp(value: &[u8]) -> Result<OffsetDateTime, TimestampError> {
    let text = std::str::from_utf8(value).map_err(|_| TimestampError)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse().map_err(|_| TimestampError)?;
        return OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| TimestampError);
    }
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimestampError)
}

/// Formats a time as Twitch does: RFC 3339 with nine fraction digits and `Z`.
///
/// # Panics
///
/// If the time is outside of the years 0 to 9999 in UTC, the range of RFC 3339.
#[must_use]
pub fn format_timestamp(moment: OffsetDateTime) -> String {
    let text = moment.to_offset(UtcOffset::UTC).format(TWITCH);
    text.expect("a moment of these millennia can be written down")
}

/// Refuses a message that was sent more than [`MAX_AGE`] before or after `now`.
pub fn check_age(sent: OffsetDateTime, now: OffsetDateTime) -> Result<(), StaleMessage> {
    let age = now - sent;
    if age.abs() > MAX_AGE { Err(StaleMessage(age)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-04-05 12:00:00 UTC);

    #[test]
    fn every_documented_form_is_read() {
        let forms = [
            ("2026-04-05T12:00:00Z", 0),
            ("2026-04-05T12:00:00.5Z", 500_000_000),
            ("2026-04-05T12:00:00.634234626Z", 634_234_626),
            ("2026-04-05T12:00:00.63423462699999999999Z", 634_234_626),
            ("2026-04-05T15:00:00.000+03:00", 0),
            ("1775390400", 0),
        ];
        for (text, nanoseconds) in forms {
            let expected = NOON + Duration::nanoseconds(nanoseconds);
            assert_eq!(parse_timestamp(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_time_is_written_with_all_nine_digits_in_utc() {
        for (moment, text) in [
            (NOON, "2026-04-05T12:00:00.000000000Z"),
            (datetime!(2026-04-05 15:00:00.25 +3), "2026-04-05T12:00:00.250000000Z"),
            (datetime!(2026-04-05 12:00:00.634234626 UTC), "2026-04-05T12:00:00.634234626Z"),
        ] {
            assert_eq!(format_timestamp(moment), text);
            assert_eq!(parse_timestamp(text.as_bytes()), Ok(moment));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let forms: [&[u8]; 9] = [
            b"",
            b"now",
            b"-1",
            b"1775390400.5",
            b"99999999999999999999",
            b"9999999999999999",
            b"2026-04-05 12:00",
            b"2026-13-05T12:00:00Z",
            b"\xff",
        ];
        for form in forms {
            assert_eq!(parse_timestamp(form), Err(TimestampError), "{}", form.escape_ascii());
        }
    }

    #[test]
    fn ten_minutes_either_way_are_fresh_and_more_is_stale() {
        for fresh in [NOON, NOON - MAX_AGE, NOON + MAX_AGE] {
            assert_eq!(check_age(fresh, NOON), Ok(()));
        }
        let more = MAX_AGE + Duration::NANOSECOND;
        assert_eq!(check_age(NOON - more, NOON), Err(StaleMessage(more)));
        assert_eq!(check_age(NOON + more, NOON), Err(StaleMessage(-more)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse_timestamp(&bytes);
        }

        #[test]
        fn what_looks_like_a_time_never_makes_it_panic(text in "[0-9TtZz:.+-]{0,40}") {
            let _ = parse_timestamp(text.as_bytes());
        }

        #[test]
        fn both_forms_name_the_same_moment(seconds in 0..253_402_300_799_i64, nanoseconds in 0..1_000_000_000_i64) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            prop_assert_eq!(parse_timestamp(seconds.to_string().as_bytes()), Ok(moment));
            let finer = moment + Duration::nanoseconds(nanoseconds);
            prop_assert_eq!(parse_timestamp(finer.format(&Rfc3339).unwrap().as_bytes()), Ok(finer));
        }

        #[test]
        fn the_age_of_any_two_moments_can_be_taken(
            sent in -377_705_116_800..253_402_300_799_i64,
            now in -377_705_116_800..253_402_300_799_i64,
        ) {
            let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            prop_assert_eq!(check_age(at(sent), at(now)).is_ok(), sent.abs_diff(now) <= 600);
        }
    }
}
