//! Texts that others give us to show or to keep.

/// The longest display name kept, in characters. Twitch's have at most 25.
const MAX_DISPLAY_NAME: usize = 100;

/// A display name without control characters (PostgreSQL stores no NUL), and not without end.
#[must_use]
pub fn display_name(text: &str) -> String {
    printable(text, MAX_DISPLAY_NAME)
}

/// A text of somebody else's for the log and the operator: one line, without control characters, not without end.
#[must_use]
pub fn printable(text: &str, max_characters: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max_characters).collect()
}
