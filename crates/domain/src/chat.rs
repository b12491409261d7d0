//! The commands that viewers type in chat.

use crate::invisible::is_invisible;

/// A command as typed. Its argument is not validated yet, so that a bad name is a refusal and not ordinary chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    /// `!twgold <name>`: join the pool, or change the name one takes part with.
    Enrol {
        /// The argument as typed.
        name: String,
    },
    /// `!twgift <name>`: ask for a gift.
    Gift {
        /// The argument as typed.
        name: String,
    },
}

impl ChatCommand {
    /// The argument as typed.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Enrol { name } | Self::Gift { name } => name,
        }
    }
}

/// Parses a chat message. `None` is ordinary chat.
///
/// The command word ignores case and takes exactly one argument, separated by any white space. Invisible characters, which
/// chat clients append to get a repeated text past the duplicate filter, are removed first.
#[must_use]
pub fn parse(message: &str) -> Option<ChatCommand> {
    let visible = || message.chars().filter(|c| !is_invisible(*c));
    // The first character identifies most ordinary chat, which then needs no copy.
    if visible().find(|c| !c.is_whitespace()) != Some('!') {
        return None;
    }
    let visible: String = visible().collect();
    let mut words = visible.split_whitespace();
    let (Some(word), Some(argument), None) = (words.next(), words.next(), words.next()) else {
        return None;
    };
    let name = argument.to_owned();
    if word.eq_ignore_ascii_case("!twgold") {
        Some(ChatCommand::Enrol { name })
    } else if word.eq_ignore_ascii_case("!twgift") {
        Some(ChatCommand::Gift { name })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn enrol(name: &str) -> ChatCommand {
        ChatCommand::Enrol { name: name.to_owned() }
    }

    #[test]
    fn the_command_word_and_one_argument_make_a_command() {
        for message in [
            "!twgold Etoehero",
            "  !TwGold \t Etoehero \n",
            "!TWGOLD\u{3000}Etoehero",
            "!twgold Etoehero \u{E0000}",
            "!twgold Etoe\u{34F}hero",
            "\u{E0000}!twgold Etoehero",
            "\u{FEFF}!tw\u{200B}gold\u{200D} \u{2060}Etoe\u{AD}hero\u{FE0F}\u{E01EF}",
            "!twgold Etoehero \u{200B} \u{180B}\u{180E}\u{180F}",
        ] {
            assert_eq!(parse(message), Some(enrol("Etoehero")), "{message:?}");
        }
        assert_eq!(parse("!twgift Ёжик"), Some(ChatCommand::Gift { name: "Ёжик".to_owned() }));
    }

    #[test]
    fn a_bad_name_is_still_a_command() {
        assert_eq!(parse("!twgold 123"), Some(enrol("123")));
    }

    #[test]
    fn everything_else_is_ordinary_chat() {
        for message in [
            "",
            "hello",
            "!twgold",
            "!twgold ",
            "!twgold A B",
            "!twgoldEtoehero",
            "twgold Etoehero",
            "! twgold Etoehero",
            "hi !twgold Etoehero",
            "!twgolds Etoehero",
            "!\u{442}wgold Etoehero",
        ] {
            assert_eq!(parse(message), None, "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(message in "\\PC*") {
            let _ = parse(&message);
        }

        #[test]
        fn white_space_and_case_do_not_matter(
            word in "!(t|T)(w|W)(g|G)(o|O)(l|L)(d|D)", name in "[^\\s\\p{Cf}\u{34F}\u{180B}-\u{180F}\u{FE00}-\u{FE0F}\u{E0000}-\u{E0FFF}]{1,12}", space in "[ \t\u{A0}]{1,4}",
        ) {
            prop_assert_eq!(parse(&format!("{space}{word}{space}{name}{space}")), Some(enrol(&name)));
        }
    }
}
