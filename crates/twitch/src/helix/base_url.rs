//! The root of the Helix service.

use std::fmt;

use url::Url;

const PRODUCTION: &str = "https://api.twitch.tv/";

/// The root of the Helix service, without `/helix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelixBaseUrl(Url);

/// Why a value cannot be the root of the Helix service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// The path is ours to add.
    #[error("the Helix base URL is given without its path: leave `/helix` off the end")]
    EndsInHelix,
    /// Not an address at all.
    #[error("the Helix base URL is not an absolute URL: {0}")]
    Syntax(#[from] url::ParseError),
    /// Another scheme, no host, user information, a query or a fragment.
    #[error("the Helix base URL has to be `http://` or `https://`, a host, and nothing like a password or a query")]
    Unsuitable,
}

impl HelixBaseUrl {
    /// `https://api.twitch.tv`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "parses a constant")]
    pub fn production() -> Self {
        Self(Url::parse(PRODUCTION).expect("a constant, which a test parses"))
    }

    /// Reads the configured value; an empty one means [`HelixBaseUrl::production`]. A trailing slash makes no difference.
    pub fn parse(value: &str) -> Result<Self, BaseUrlError> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(Self::production());
        }
        let mut url = Url::parse(value)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(BaseUrlError::Unsuitable);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if path.to_ascii_lowercase().ends_with("/helix") {
            return Err(BaseUrlError::EndsInHelix);
        }
        url.set_path(&format!("{path}/"));
        Ok(Self(url))
    }

    /// The root, with a slash at its end.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    pub(super) fn endpoint(&self, path: &str) -> Url {
        self.0.join(path).expect("a relative path of this crate's own joins any base")
    }
}

impl fmt::Display for HelixBaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_means_the_production_root() {
        for empty in ["", "  "] {
            assert_eq!(HelixBaseUrl::parse(empty), Ok(HelixBaseUrl::production()));
        }
        assert_eq!(HelixBaseUrl::production().to_string(), "https://api.twitch.tv");
    }

    #[test]
    fn a_path_is_kept_and_a_slash_at_the_end_makes_no_difference() {
        for (value, endpoint) in [
            ("http://127.0.0.1:9053", "http://127.0.0.1:9053/helix/chat/messages"),
            ("http://127.0.0.1:9053//", "http://127.0.0.1:9053/helix/chat/messages"),
            ("https://example.com/twitch/", "https://example.com/twitch/helix/chat/messages"),
        ] {
            let url = HelixBaseUrl::parse(value).unwrap().endpoint("helix/chat/messages");
            assert_eq!(url.as_str(), endpoint);
        }
    }

    #[test]
    fn a_value_that_ends_in_helix_is_refused_with_the_remedy() {
        for value in ["https://api.twitch.tv/helix", "http://localhost:9053/Helix/", "http://h/a/helix//"] {
            let refusal = HelixBaseUrl::parse(value).unwrap_err();
            assert_eq!(refusal, BaseUrlError::EndsInHelix, "{value}");
            assert!(refusal.to_string().contains("leave `/helix` off"));
        }
        assert!(HelixBaseUrl::parse("http://h/nothelix").is_ok());
    }

    #[test]
    fn what_is_no_root_of_a_service_is_refused() {
        assert!(matches!(HelixBaseUrl::parse("api.twitch.tv"), Err(BaseUrlError::Syntax(_))));
        for value in ["ftp://h", "localhost:9053", "http://u:p@h", "http://h/?q", "http://h/#f", "mailto:a@b"] {
            assert_eq!(HelixBaseUrl::parse(value), Err(BaseUrlError::Unsuitable), "{value}");
        }
    }
}
