//! Headers of a call.

use http::HeaderMap;

/// The header with the client's id.
pub(crate) const CLIENT_ID: &str = "client-id";

/// The header's value; empty if there is none.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
