//! Names inside of statements and URLs.

use std::fmt::Write as _;

/// `name` as SQL takes it, whatever is in it.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as a part of a URL.
pub(crate) fn url_part(text: &str) -> String {
    let mut part = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            part.push(byte.into());
        } else {
            write!(part, "%{byte:02X}").expect("a string takes all that is written to it");
        }
    }
    part
}
