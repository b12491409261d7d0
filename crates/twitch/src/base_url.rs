//! The base URLs of Twitch's services.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Why a value cannot be the base URL of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// It includes a path that is added by this crate.
    #[error("the value ends in {path}; leave that out, since {path}/… is added")]
    EndsInPath {
        /// The service.
        service: &'static str,
        /// The superfluous path.
        path: &'static str,
    },
    /// Not a URL.
    #[error("the base URL is not an absolute URL: {0}")]
    Syntax(#[from] url::ParseError),
    /// Another scheme, no host, user information, a query or a fragment.
    #[error("a base URL has `http://` or `https://`, a host, and no user, password, query or fragment")]
    Unsuitable,
}

macro_rules! base_url {
    ($(#[$doc:meta])* $name:ident, $service:literal, $production:literal, without $path:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(Url);

        impl $name {
            /// Twitch's own service.
            #[must_use]
            pub fn production() -> Self {
                Self(Url::parse($production).expect("a constant, which a test parses"))
            }

            /// Parses the configured value; an empty one means production. A trailing slash makes no difference.
            pub fn parse(value: &str) -> Result<Self, BaseUrlError> {
                let value = value.trim();
                if value.is_empty() {
                    return Ok(Self::production());
                }
                root(value, $service, $path).map(Self)
            }

            /// The base URL, with a slash at its end.
            #[must_use]
            pub fn as_url(&self) -> &Url {
                &self.0
            }

            pub(crate) fn endpoint(&self, path: &str) -> Url {
                self.0.join(path).expect("a relative path of this crate's own joins any base")
            }
        }

        impl FromStr for $name {
            type Err = BaseUrlError;

            fn from_str(value: &str) -> Result<Self, BaseUrlError> {
                Self::parse(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.0.as_str().trim_end_matches('/'))
            }
        }
    };
}

base_url! {
    /// The root of the Helix service, without `/helix`; in production `https://api.twitch.tv`.
    HelixBaseUrl, "Helix", "https://api.twitch.tv/", without "/helix"
}

base_url! {
    /// The root of the token service, without `/oauth2`; in production `https://id.twitch.tv`.
    OAuthBaseUrl, "OAuth", "https://id.twitch.tv/", without "/oauth2"
}

fn root(value: &str, service: &'static str, path: &'static str) -> Result<Url, BaseUrlError> {
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
    let given = url.path().trim_end_matches('/').to_owned();
    if given.to_ascii_lowercase().ends_with(path) {
        return Err(BaseUrlError::EndsInPath { service, path });
    }
    url.set_path(&format!("{given}/"));
    Ok(url)
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
        assert_eq!(OAuthBaseUrl::parse(""), Ok(OAuthBaseUrl::production()));
        assert_eq!(OAuthBaseUrl::production().to_string(), "https://id.twitch.tv");
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
    fn a_value_that_ends_in_the_path_is_refused_with_the_remedy() {
        for value in ["https://api.twitch.tv/helix", "http://localhost:9053/Helix/", "http://h/a/helix//"] {
            let refusal = HelixBaseUrl::parse(value).unwrap_err();
            assert_eq!(refusal, BaseUrlError::EndsInPath { service: "Helix", path: "/helix" }, "{value}");
            assert!(refusal.to_string().contains("ends in /helix; leave that out"));
        }
        let refusal = OAuthBaseUrl::parse("https://id.twitch.tv/oauth2/").unwrap_err().to_string();
        assert!(refusal.contains("ends in /oauth2; leave that out"), "{refusal}");
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
