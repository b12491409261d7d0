//! Times on the wire: `2026-01-02T03:04:05.678Z`, always UTC, always three digits.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serializer, de, ser};
use time::{
    OffsetDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The number of characters before the separator of date and time.
const DATE: usize = "2026-01-02".len();

/// Writes a time.
pub fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_offset(UtcOffset::UTC).format(FORMAT).map_err(ser::Error::custom)?)
}

/// Reads a time: any RFC 3339, with any offset and number of digits.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)
}

/// Why a text is not a time.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("{RULE}")]
    Shape,
    #[error("{RULE}: {0}")]
    Part(time::error::Parse),
}

const RULE: &str =
    "must be a date and a time to the second, such as 2026-01-02T12:00:00Z or, in UTC, 2026-01-02T12:00:00";

/// Reads a time in RFC 3339, with `T`, `t` or a blank after the date; without a zone it is UTC.
fn parse_utc_by_default(text: &str) -> Result<OffsetDateTime, Unreadable> {
    // `time` accepts any separator.
    let clock = text.get(DATE..).and_then(|rest| rest.strip_prefix(['T', 't', ' '])).ok_or(Unreadable::Shape)?;
    let has_zone = clock.contains(['Z', 'z', '+', '-']);
    let text = if has_zone { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}Z")) };
    OffsetDateTime::parse(&text, &Rfc3339).map_err(Unreadable::Part)
}

/// The same for an optional time that may lack its zone: the desktop program's `DateTime` may have none.
pub mod option_utc_by_default {
    use serde::{Deserialize, Deserializer, de};
    use time::OffsetDateTime;

    pub use super::option::serialize;

    /// Reads a time or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
        let text = Option::<std::borrow::Cow<str>>::deserialize(deserializer)?;
        text.map(|text| super::parse_utc_by_default(&text).map_err(de::Error::custom)).transpose()
    }
}

/// The same for an optional time.
pub mod option {
    use serde::{Deserialize, Deserializer, Serializer};
    use time::OffsetDateTime;

    /// Writes a time or null.
    pub fn serialize<S: Serializer>(at: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a time or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
        #[derive(Deserialize)]
        struct Present(#[serde(with = "super")] OffsetDateTime);
        Ok(Option::<Present>::deserialize(deserializer)?.map(|Present(at)| at))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct At(#[serde(with = "super")] OffsetDateTime);

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Captured(#[serde(with = "super::option_utc_by_default")] Option<OffsetDateTime>);

    #[test]
    fn a_time_without_a_zone_is_utc_where_that_is_taken() {
        let noon = datetime!(2026-01-02 12:00:00 UTC);
        for (text, at) in [
            ("2026-01-02T12:00:00", noon),
            ("2026-01-02T12:00:00.0000000", noon),
            ("2026-01-02T12:00:00.1", datetime!(2026-01-02 12:00:00.1 UTC)),
            ("2026-01-02T12:00:00.12", datetime!(2026-01-02 12:00:00.12 UTC)),
            ("2026-01-02T12:00:00.1234567", datetime!(2026-01-02 12:00:00.123_456_7 UTC)),
            ("2026-01-02T12:00:00.123456789", datetime!(2026-01-02 12:00:00.123_456_789 UTC)),
            ("0001-01-01T00:00:00", datetime!(0001-01-01 0:00 UTC)),
            ("9999-12-31T23:59:59.9999999", datetime!(9999-12-31 23:59:59.999_999_9 UTC)),
            ("2024-02-29T23:59:59", datetime!(2024-02-29 23:59:59 UTC)),
            ("2026-01-02T12:00:00Z", noon),
            ("2026-01-02t12:00:00z", noon),
            ("2026-01-02 12:00:00", noon),
            ("2026-01-02t12:00:00", noon),
            ("2026-01-02 12:00:00.5", datetime!(2026-01-02 12:00:00.5 UTC)),
            ("2026-01-02 15:00:00+03:00", noon),
            ("2026-01-02T12:00:00.0000000Z", noon),
            ("2026-01-02T15:00:00+03:00", noon),
            ("2026-01-02T15:00:00.0000000+03:00", noon),
            ("2026-01-02T06:30:00-05:30", noon),
        ] {
            let read: Captured = serde_json::from_value(text.into()).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read, Captured(Some(at)), "{text}");
        }
        assert_eq!(serde_json::from_str::<Captured>("null").unwrap(), Captured(None));
        assert_eq!(serde_json::to_string(&Captured(Some(noon))).unwrap(), "\"2026-01-02T12:00:00.000Z\"");
        assert_eq!(serde_json::to_string(&Captured(None)).unwrap(), "null");
    }

    #[test]
    fn what_is_no_time_is_none_with_or_without_a_zone() {
        for text in [
            "",
            " ",
            "now",
            "2026",
            "2026-01",
            "2026-01-02",
            "2026-01-02T12:00",
            "2026-1-2",
            "2026-1-2T12:00:00",
            "2026-13-02T12:00:00",
            "2026-02-30",
            "2026-02-30T12:00:00",
            "2026-01-02T",
            "2026-01-02T12",
            "2026-01-02T24:00:00",
            "2026-01-02T12:60:00",
            "2026-01-02T12:00:60",
            "2026-01-02T12:00:00.",
            "2026-01-02T12:00:00,5",
            "2026-01-02_12:00:00",
            "2026-01-02  12:00:00",
            "2026-01-02T12:00:00 ",
            " 2026-01-02T12:00:00",
            "2026-01-02T12:00:00+",
            "2026-01-02T12:00:00+25:00",
            "02.01.2026 12:00:00",
            "2026-01-02T12:00:00Z[UTC]",
            "+12026-01-02T12:00:00",
            "-2026-01-02T12:00:00",
            "/Date(1767355200000)/",
            "2026-01-0\u{439}T12:00:00",
        ] {
            for zone in ["", "Z", "+03:00"] {
                let text = format!("{text}{zone}");
                let refusal = serde_json::from_value::<Captured>(text.clone().into()).expect_err(&text).to_string();
                assert!(refusal.starts_with("must be a date and a time to the second"), "{text:?}: {refusal}");
            }
        }
        for value in [serde_json::json!(1_767_355_200), serde_json::json!(true), serde_json::json!({})] {
            assert!(serde_json::from_value::<Captured>(value.clone()).is_err(), "{value}");
        }
        // Everywhere else a time must have a zone.
        assert!(serde_json::from_str::<At>("\"2026-01-02T12:00:00\"").is_err());
    }

    #[test]
    fn what_is_wrong_with_a_time_is_said_of_the_part_that_is_wrong() {
        for (text, part) in [
            ("2026-13-02T12:00:00", "month"),
            ("2026-00-02T12:00:00", "month"),
            ("2026-01-32T12:00:00", "day"),
            ("2026-02-30T12:00:00", "day"),
            ("2026-01-02T25:00:00", "hour"),
            ("2026-01-02T12:61:00", "minute"),
            ("2026-01-02T12:00:61", "second"),
        ] {
            for zone in ["", "Z", "+03:00"] {
                let refusal = parse_utc_by_default(&format!("{text}{zone}")).unwrap_err().to_string();
                let reason = refusal.strip_prefix(RULE).unwrap();
                assert!(reason.contains(part) && !reason.contains("offset"), "{text}{zone}: {refusal}");
            }
        }
        let refusal = parse_utc_by_default("2026-01-02T12:00:00+25:00").unwrap_err().to_string();
        assert!(refusal.contains("offset hour"), "{refusal}");
    }

    #[test]
    fn times_have_three_digits_and_z() {
        for (at, written) in [
            (datetime!(2026-01-02 03:04:05 UTC), "\"2026-01-02T03:04:05.000Z\""),
            (datetime!(2026-01-02 03:04:05.6789 UTC), "\"2026-01-02T03:04:05.678Z\""),
            (datetime!(2026-01-02 03:04:05 +3), "\"2026-01-02T00:04:05.000Z\""),
        ] {
            assert_eq!(serde_json::to_string(&At(at)).unwrap(), written);
        }
        assert_eq!(
            serde_json::from_str::<At>("\"2026-01-02T06:04:05.123456789+03:00\"").unwrap(),
            At(datetime!(2026-01-02 03:04:05.123_456_789 UTC))
        );
    }
}
