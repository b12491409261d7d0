//! Characters that are drawn as nothing.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Whether a character only controls how others are drawn or joined: a format character (general category `Cf`: zero
/// width spaces and joiners, directions, tags), a variation selector, the combining grapheme joiner, or one of the block
/// that Unicode reserves for more of them, which some chat clients use.
pub(crate) fn is_invisible(c: char) -> bool {
    // Nearly all of chat: none of these characters is ASCII.
    !c.is_ascii()
        && (matches!(c, '\u{34F}' | '\u{180B}'..='\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0000}'..='\u{E0FFF}')
            || c.general_category() == GeneralCategory::Format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_joins_and_directs_is_invisible_and_nothing_else() {
        for c in "\u{AD}\u{34F}\u{61C}\u{180B}\u{180E}\u{180F}\u{200B}\u{200C}\u{200D}\u{200E}\u{202A}\u{202E}\u{2060}\u{2064}\u{2069}\u{FE00}\u{FE0F}\u{FEFF}\u{FFF9}\u{E0000}\u{E0001}\u{E007F}\u{E0100}\u{E01EF}".chars() {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in "aЁ! \t\0\u{7F}\u{85}\u{A0}\u{301}\u{2028}\u{3000}\u{3164}\u{FFFD}😀".chars() {
            assert!(!is_invisible(c), "{c:?}");
        }
        assert!(!('\0'..=char::MAX).any(|c| is_invisible(c) && (c.is_alphanumeric() || c.is_whitespace())));
    }
}
