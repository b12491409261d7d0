//! The address to which Twitch sends notifications (<https://dev.twitch.tv/docs/eventsub/handling-webhook-events/>).

use url::{Host, Url};

/// An address that Twitch can call. Twitch only calls `https`; on loopback, where only a stand-in can call, plain `http` is
/// allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackUrl(Url);

/// Why Twitch cannot call an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The connection would not be encrypted.
    #[error("Twitch only calls https addresses")]
    NotHttps,
    /// It has a fragment, which requests do not send.
    #[error("a callback has no fragment")]
    Fragment,
}

impl CallbackUrl {
    /// Accepts an address that Twitch can call.
    pub fn new(url: Url) -> Result<Self, CallbackError> {
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(CallbackError::NotHttps);
        }
        if url.fragment().is_some() {
            return Err(CallbackError::Fragment);
        }
        Ok(Self(url))
    }

    /// The address.
    #[must_use]
    pub const fn as_url(&self) -> &Url {
        &self.0
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twitch_calls_https_and_a_stand_in_the_loopback() {
        let callback = |url: &str| CallbackUrl::new(url.parse().unwrap());
        for good in ["https://example.com", "http://127.0.0.1:8080/x", "http://localhost:1/", "http://[::1]:8080"] {
            assert!(callback(good).is_ok(), "{good}");
        }
        for bad in ["http://example.com/api/twitch/eventsub", "http://127.0.0.1.example.com"] {
            assert_eq!(callback(bad), Err(CallbackError::NotHttps), "{bad}");
        }
        assert_eq!(callback("https://example.com/#here"), Err(CallbackError::Fragment));
    }
}
