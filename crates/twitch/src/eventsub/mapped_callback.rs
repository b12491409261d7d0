//! A callback whose address exists only for Twitch: `https://hook.test` is at `http://127.0.0.1:7001`.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// An origin of callbacks, and the origin that a stand-in calls in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedCallback {
    from: String,
    to: Url,
}

/// The text is not two origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a callback is mapped from one origin to another: https://hook.test=http://127.0.0.1:7001")]
pub struct NotMapped;

/// An address with nothing but an origin.
fn origin(text: &str) -> Result<Url, NotMapped> {
    let url: Url = text.trim().parse().map_err(|_| NotMapped)?;
    let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_more || has_user || !matches!(url.scheme(), "http" | "https") { Err(NotMapped) } else { Ok(url) }
}

impl MappedCallback {
    /// Maps one origin to another.
    pub fn new(from: &str, to: &str) -> Result<Self, NotMapped> {
        Ok(Self { from: origin(from)?.origin().ascii_serialization(), to: origin(to)? })
    }

    /// The origin that is replaced.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The origin that replaces it.
    #[must_use]
    pub fn to(&self) -> String {
        self.to.origin().ascii_serialization()
    }

    /// The address to call for a callback, with its path and query, if this is its origin.
    #[must_use]
    pub fn address(&self, callback: &Url) -> Option<Url> {
        if callback.origin().ascii_serialization() != self.from {
            return None;
        }
        let mut address = self.to.clone();
        address.set_path(callback.path());
        address.set_query(callback.query());
        Some(address)
    }
}

impl FromStr for MappedCallback {
    type Err = NotMapped;

    /// Reads `FROM=TO`.
    fn from_str(text: &str) -> Result<Self, NotMapped> {
        let (from, to) = text.split_once('=').ok_or(NotMapped)?;
        Self::new(from, to)
    }
}

impl fmt::Display for MappedCallback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.from, self.to())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_replaced_and_the_rest_is_kept() {
        let mapped: MappedCallback = "https://hook.test=http://127.0.0.1:7001".parse().unwrap();
        for (callback, address) in [
            ("https://hook.test/a%20b?c=d&e", Some("http://127.0.0.1:7001/a%20b?c=d&e")),
            ("https://HOOK.test:443", Some("http://127.0.0.1:7001/")),
            ("http://hook.test/a", None),
            ("https://hook.test:444/a", None),
            ("https://other.test/a", None),
        ] {
            let mapped = mapped.address(&callback.parse().unwrap());
            assert_eq!(mapped.as_ref().map(Url::as_str), address, "{callback}");
        }
        assert_eq!(mapped.to_string(), "https://hook.test=http://127.0.0.1:7001");
    }

    #[test]
    fn only_origins_are_mapped() {
        for text in [
            "https://hook.test",
            "https://hook.test=",
            "hook.test=http://127.0.0.1:1",
            "https://hook.test/a=http://127.0.0.1:1",
            "https://hook.test=http://127.0.0.1:1/a",
            "https://hook.test=http://user@127.0.0.1:1",
            "ftp://hook.test=http://127.0.0.1:1",
        ] {
            assert_eq!(text.parse::<MappedCallback>(), Err(NotMapped), "{text}");
        }
    }
}
