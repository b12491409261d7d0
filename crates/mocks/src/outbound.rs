//! Calls to the backend.

use std::time::Duration;

use url::Url;

/// The longest wait for a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How much of the backend's answer is read, in bytes.
pub(crate) const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// `path` (without a leading slash) below `base`, with or without a trailing slash.
pub(crate) fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_of_the_base_makes_no_difference() {
        for (base, whole) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/x"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/x"),
            ("http://127.0.0.1:8080/below/it/", "http://127.0.0.1:8080/below/it/api/x"),
        ] {
            assert_eq!(endpoint(&base.parse().unwrap(), "api/x").as_str(), whole);
        }
    }
}
