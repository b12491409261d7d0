//! Texts from outside, to be shown or stored.

/// The longest display name stored, in characters. Twitch's have at most 25.
const MAX_DISPLAY_NAME: usize = 100;

/// A display name of limited length, without control characters (PostgreSQL stores no NUL).
#[must_use]
pub fn display_name(text: &str) -> String {
    printable(text, MAX_DISPLAY_NAME)
}

/// An outside text for the log and the operator: one line of limited length, without control characters.
#[must_use]
pub fn printable(text: &str, max_characters: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max_characters).collect()
}
