//! Origins as browsers send them, and the origin of the Extension's panel.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// An origin: scheme, host and possibly a port, and nothing else.
/// <https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin>
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebOrigin(String);

/// Not an origin. The message does not repeat the text, which may hold a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an origin looks like https://example.com, without a user, a path or anything else")]
pub struct NoOrigin;

impl WebOrigin {
    /// As it is sent in the header `Origin`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebOrigin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let url = Url::parse(text.trim()).map_err(|_| NoOrigin)?;
        let is_plain = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let origin = url.origin();
        if is_plain && origin.is_tuple() { Ok(Self(origin.ascii_serialization())) } else { Err(NoOrigin) }
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The Extension's client id, which is part of the host from which Twitch serves its panel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtensionClientId {
    id: String,
    panel: WebOrigin,
}

impl ExtensionClientId {
    /// Accepts the id as it is, if it can be part of a host name.
    pub fn parse(id: impl Into<String>) -> Result<Self, NoOrigin> {
        let id = id.into();
        let panel = format!("https://{id}.ext-twitch.tv").parse()?;
        Ok(Self { id, panel })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// The origin of the panel.
    #[must_use]
    pub const fn panel(&self) -> &WebOrigin {
        &self.panel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (text, origin) in [
            ("http://localhost:3000", "http://localhost:3000"),
            (" HTTPS://Example.com:443/ ", "https://example.com"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<WebOrigin>().unwrap().as_str(), origin);
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_without_being_shown() {
        for text in [
            "*",
            "hush",
            "null",
            "https://example.com/hush",
            "https://u:hush@example.com",
            "https://hush@example.com",
            "https://:hush@example.com",
            "https://example.com?hush",
            "https://example.com#hush",
            "https://hush hush",
            "https://example.com:hush",
            "data:hush",
        ] {
            assert_eq!(text.parse::<WebOrigin>(), Err(NoOrigin), "{text}");
        }
        assert!(!NoOrigin.to_string().contains("hush"));
    }

    #[test]
    fn a_client_id_that_makes_no_origin_is_refused_without_being_shown() {
        for id in ["hush/hush", "u:hush@host", "hush hush", "hush?"] {
            assert_eq!(ExtensionClientId::parse(id), Err(NoOrigin), "{id}");
        }
        assert_eq!(ExtensionClientId::parse("abc").unwrap().panel().as_str(), "https://abc.ext-twitch.tv");
    }
}
