//! Quotes names in statements and URLs. `sqlx` binds values, but does not quote names.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that RFC 3986 does not list as unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `name` as a quoted SQL identifier, whatever it contains.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text`, percent-encoded for a URL.
pub(crate) fn url_part(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
