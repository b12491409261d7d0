//! Names of characters in the game.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

use crate::invisible::is_invisible;

/// A character's name as it was typed: 2 to 12 letters of the Latin or Cyrillic script.
///
/// A letter typed as a base and a combining mark, such as `и` and its breve, becomes the composed letter (Unicode's
/// normalization form C), and invisible characters are removed.
///
/// To the game, names that differ only in case are the same name; compare and store [`CharacterName::key`] for that.
/// Equality of the type itself compares the spelling. The game writes every name in one spelling, whatever was typed:
/// [`CharacterName::in_game`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CharacterName(String);

/// Why a text is not a character name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCharacterName {
    /// Not 2 to 12 Unicode scalar values, composed and trimmed.
    #[error("a character name has 2 to 12 letters, not {0}")]
    Length(usize),
    /// A character that is not a letter, or a letter of another script.
    #[error("a character name has only Latin or Cyrillic letters")]
    NotALetter,
}

impl CharacterName {
    /// The smallest number of letters.
    pub const MIN_LETTERS: usize = 2;
    /// The largest number of letters.
    pub const MAX_LETTERS: usize = 12;

    /// Composes and trims the text, and accepts it if it is a name.
    pub fn parse(text: &str) -> Result<Self, InvalidCharacterName> {
        let composed: String = text.chars().filter(|c| !is_invisible(*c)).nfc().collect();
        let name = composed.trim();
        let letters = name.chars().count();
        if !(Self::MIN_LETTERS..=Self::MAX_LETTERS).contains(&letters) {
            return Err(InvalidCharacterName::Length(letters));
        }
        if !name.chars().all(is_letter_of_the_game) {
            return Err(InvalidCharacterName::NotALetter);
        }
        Ok(Self(name.to_owned()))
    }

    /// The spelling that was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The game's spelling: the first letter in upper case, the rest in lower case. It is the same name with as many letters:
    /// a letter whose other case is several characters, or folds to another letter, stays as it is.
    #[must_use]
    pub fn in_game(&self) -> Self {
        let first = |c: char| in_case(c, c.to_uppercase());
        let other = |c: char| in_case(c, c.to_lowercase());
        Self(self.0.chars().enumerate().map(|(at, c)| if at == 0 { first(c) } else { other(c) }).collect())
    }

    /// The comparison key: equal for names that differ only in case (full Unicode case folding).
    #[must_use]
    pub fn key(&self) -> String {
        UniCase::unicode(&self.0).to_folded_case()
    }

    /// Whether the game considers both the same name.
    #[must_use]
    pub fn is_same_name(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

/// The letter in its other case, if that is one letter with the same [`CharacterName::key`].
fn in_case(c: char, mut other: impl Iterator<Item = char>) -> char {
    match (other.next(), other.next()) {
        (Some(other), None) if is_letter_of_the_game(other) && folds_to_the_same(c, other) => other,
        _ => c,
    }
}

fn folds_to_the_same(a: char, b: char) -> bool {
    let (mut a_bytes, mut b_bytes) = ([0; 4], [0; 4]);
    UniCase::unicode(a.encode_utf8(&mut a_bytes)) == UniCase::unicode(b.encode_utf8(&mut b_bytes))
}

fn is_letter_of_the_game(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Letter && matches!(c.script(), Script::Latin | Script::Cyrillic)
}

impl fmt::Display for CharacterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CharacterName {
    type Err = InvalidCharacterName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for CharacterName {
    type Error = InvalidCharacterName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<CharacterName> for String {
    fn from(name: CharacterName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_of_two_scripts_make_a_name() {
        for name in ["Ab", "Etoehero", "Этогерой", "Ёжик", "Ñandú", "Þór", "abcdefghijkl", "Миxed", "ßß"]
        {
            assert_eq!(CharacterName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn anything_else_is_none() {
        for (text, why) in [
            ("", InvalidCharacterName::Length(0)),
            ("A", InvalidCharacterName::Length(1)),
            ("abcdefghijklm", InvalidCharacterName::Length(13)),
            ("Абвгдежзийклм", InvalidCharacterName::Length(13)),
            ("Hero1", InvalidCharacterName::NotALetter),
            ("He ro", InvalidCharacterName::NotALetter),
            ("He:ro", InvalidCharacterName::NotALetter),
            ("He;ro", InvalidCharacterName::NotALetter),
            ("He-ro", InvalidCharacterName::NotALetter),
            ("Ηρως", InvalidCharacterName::NotALetter),
            ("英雄", InvalidCharacterName::NotALetter),
            // No letter composes with this accent, so the accent remains, and it is not a letter.
            ("Jox\u{301}", InvalidCharacterName::NotALetter),
            ("и\u{306}", InvalidCharacterName::Length(1)),
            // Of the Latin script and alphabetic, but a number: ROMAN NUMERAL EIGHT.
            ("AⅧ", InvalidCharacterName::NotALetter),
            // COMBINING CYRILLIC LETTER BE is a mark.
            ("Аб\u{2DE0}", InvalidCharacterName::NotALetter),
            ("Ⓐb", InvalidCharacterName::NotALetter),
            // A letter that is drawn as nothing.
            ("He\u{3164}ro", InvalidCharacterName::NotALetter),
            ("\u{200B}\u{FE0F}", InvalidCharacterName::Length(0)),
        ] {
            assert_eq!(CharacterName::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn white_space_around_a_name_is_not_part_of_it() {
        assert_eq!(CharacterName::parse("\u{A0} Ёжик\t").unwrap().as_str(), "Ёжик");
    }

    #[test]
    fn letters_typed_in_parts_are_composed() {
        for (typed, name) in [
            ("Андреи\u{306}", "Андрей"),
            ("Е\u{308}жик", "Ёжик"),
            ("Jose\u{301}", "José"),
            // Two marks, in either order.
            ("A\u{323}\u{302}nh", "Ậnh"),
            ("A\u{302}\u{323}nh", "Ậnh"),
            // Twelve letters in 24 characters.
            ("й".repeat(12).replace('й', "и\u{306}").as_str(), "й".repeat(12).as_str()),
            // KELVIN SIGN is a K.
            ("\u{212A}arl", "Karl"),
        ] {
            assert_eq!(CharacterName::parse(typed).unwrap().as_str(), name, "{typed:?}");
        }
    }

    #[test]
    fn invisible_characters_are_no_part_of_a_name() {
        for c in
            ['\u{200B}', '\u{200D}', '\u{FEFF}', '\u{AD}', '\u{2060}', '\u{202E}', '\u{FE0F}', '\u{34F}', '\u{E0000}']
        {
            for typed in
                [format!("{c}Ёжик"), format!("Ё{c}жик"), format!("Ёжик{c}"), format!(" {c} Е{c}\u{308}жик{c} ")]
            {
                assert_eq!(CharacterName::parse(&typed).unwrap().as_str(), "Ёжик", "{typed:?}");
            }
        }
    }

    /// Names that were accepted before composition was introduced remain names, with the same key.
    #[test]
    fn a_letter_of_the_game_stays_one_letter_with_its_key() {
        let mut changed = String::new();
        for letter in ('\0'..=char::MAX).filter(|c| is_letter_of_the_game(*c)) {
            let stored = format!("{letter}b");
            let name = CharacterName::parse(&stored).unwrap();
            assert_eq!(name.key(), UniCase::unicode(&stored).to_folded_case(), "{letter:?}");
            if name.as_str() != stored {
                changed.push(letter);
            }
        }
        assert_eq!(changed, "\u{212A}\u{212B}", "KELVIN SIGN and ANGSTROM SIGN are K and Å");
    }

    #[test]
    fn names_that_differ_in_case_only_are_the_same_name() {
        for (a, b) in [("Etoehero", "ETOEHERO"), ("ёжик", "ЁЖИК"), ("Straße", "STRASSE"), ("ẞß", "ssss")] {
            assert!(CharacterName::parse(a).unwrap().is_same_name(&CharacterName::parse(b).unwrap()), "{a} {b}");
        }
        assert!(!CharacterName::parse("Ёжик").unwrap().is_same_name(&CharacterName::parse("Ежик").unwrap()));
    }

    #[test]
    fn the_game_writes_the_first_letter_in_upper_case_and_the_rest_in_lower() {
        for (typed, in_game) in [
            ("etoehero", "Etoehero"),
            ("ETOEHERO", "Etoehero"),
            ("eToEhErO", "Etoehero"),
            ("Etoehero", "Etoehero"),
            ("ёлочка", "Ёлочка"),
            ("ЁЛОЧКА", "Ёлочка"),
            ("йОГУРТ", "Йогурт"),
            ("ñANDÚ", "Ñandú"),
            ("þÓR", "Þór"),
            ("ÿÿ", "Ÿÿ"),
            ("їжак", "Їжак"),
            ("ѢѢ", "Ѣѣ"),
            ("ſa", "Sa"),
            // The other case of these is two characters.
            ("ßß", "ßß"),
            ("STRAẞE", "Straße"),
            ("ŉa", "ŉa"),
            ("ﬁx", "ﬁx"),
            ("ǰǰ", "ǰǰ"),
            ("AİB", "Aİb"),
            // The upper case of DOTLESS I is also that of another letter.
            ("ıI", "ıi"),
            ("ǆǄ", "Ǆǆ"),
        ] {
            let name = CharacterName::parse(typed).unwrap();
            assert_eq!(name.in_game().as_str(), in_game, "{typed}");
            assert!(name.in_game().is_same_name(&name), "{typed}");
        }
    }

    #[test]
    fn of_every_letter_the_games_spelling_is_a_name_and_the_same_name() {
        let mut letters = 0;
        for c in ('\0'..=char::MAX).filter(|c| is_letter_of_the_game(*c)) {
            letters += 1;
            for text in [format!("{c}a"), format!("A{c}"), format!("{c}{c}Abcdefghij")] {
                // A letter that composes with the next is not a name by itself.
                let Ok(name) = CharacterName::parse(&text) else { continue };
                let in_game = name.in_game();
                assert_eq!(CharacterName::parse(in_game.as_str()), Ok(in_game.clone()), "{text}");
                assert_eq!(in_game.in_game(), in_game, "{text}");
                assert!(in_game.is_same_name(&name), "{text}");
                assert_eq!(in_game.as_str().chars().count(), name.as_str().chars().count(), "{text}");
            }
        }
        assert!(letters > 1_500, "{letters}");
    }

    proptest! {
        #[test]
        fn however_a_name_is_typed_the_game_writes_it_alike(text in "[A-Za-zÀ-ÖØ-Þà-öø-þА-Яа-яЁё]{2,12}") {
            let in_game = CharacterName::parse(&text).unwrap().in_game();
            for other in [text.to_uppercase(), text.to_lowercase()] {
                prop_assert_eq!(CharacterName::parse(&other).unwrap().in_game(), in_game.clone());
            }
            let mut letters = in_game.as_str().chars();
            prop_assert!(letters.next().unwrap().is_uppercase());
            prop_assert!(letters.all(char::is_lowercase));
        }

        #[test]
        fn parsing_what_was_parsed_changes_nothing(text in "\\PC{0,16}") {
            if let Ok(name) = CharacterName::parse(&text) {
                prop_assert_eq!(CharacterName::parse(name.as_str()), Ok(name.clone()));
                prop_assert!((2..=12).contains(&name.as_str().chars().count()));
            }
        }

        #[test]
        fn what_was_composed_stays_as_it_is(text in "[A-Za-zА-яЁё\u{300}-\u{308}\u{323}\u{200B}\u{34F} ]{2,16}") {
            if let Ok(name) = CharacterName::parse(&text) {
                prop_assert_eq!(CharacterName::parse(name.as_str()), Ok(name));
            }
        }

        #[test]
        fn however_it_is_composed_and_whatever_is_invisible_a_name_is_the_same(
            letters in prop::collection::vec(prop::sample::select(('A'..='z').chain('À'..='ɏ').chain('Ѐ'..='ӿ').chain('Ḁ'..='ỹ')
                .filter(|c| is_letter_of_the_game(*c)).collect::<Vec<_>>()), 2..=12),
            invisible in prop::sample::select(vec!["", "\u{200B}", "\u{34F}", "\u{E0001}", "\u{FE0E}\u{180B}"]),
        ) {
            let plain: String = letters.iter().collect();
            let name = CharacterName::parse(&plain).unwrap();
            for typed in [plain.nfd().collect::<String>(), plain.nfc().collect()] {
                let typed: String = typed.chars().flat_map(|c| std::iter::once(c).chain(invisible.chars())).collect();
                let other = CharacterName::parse(&typed).unwrap();
                prop_assert_eq!(&other, &name);
                prop_assert_eq!(other.key(), name.key());
            }
        }

        #[test]
        fn case_never_makes_two_names_of_one(text in "[A-Za-zА-Яа-яЁё]{2,12}") {
            let name = CharacterName::parse(&text).unwrap();
            for other in [text.to_uppercase(), text.to_lowercase()] {
                prop_assert_eq!(CharacterName::parse(&other).unwrap().key(), name.key());
            }
        }
    }
}
