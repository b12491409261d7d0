//! Times on the wire: `2026-01-02T03:04:05.678Z`, always UTC, always three digits.

use serde::{Deserialize, Deserializer, Serializer, de, ser};
use time::{
    OffsetDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Writes a time.
pub fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_offset(UtcOffset::UTC).format(FORMAT).map_err(ser::Error::custom)?)
}

/// Reads a time: any RFC 3339, with any offset and number of digits.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)
}

/// The same for a time that may be absent.
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
