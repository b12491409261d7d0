//! The parts of a message's text: words, emotes, cheers and mentions.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::User;

/// The cheermotes that exist in every channel.
const CHEERMOTES: [&str; 29] = [
    "anon",
    "bday",
    "biblethump",
    "bitboss",
    "bleedpurple",
    "cheer",
    "cheerwhal",
    "corgo",
    "dansgame",
    "doodlecheer",
    "elegiggle",
    "failfish",
    "frankerz",
    "goal",
    "heyguys",
    "holidaycheer",
    "kappa",
    "kreygasm",
    "mrdestructoid",
    "muxy",
    "notlikethis",
    "party",
    "pjsalt",
    "pride",
    "ripcheer",
    "scoops",
    "seemsgood",
    "shamrock",
    "showlove",
];

/// The numbers of bits from which a cheermote looks different.
const TIERS: [u32; 5] = [10_000, 5000, 1000, 100, 1];

/// An emote in a text: every word that is its name, or the place from `begin` to `end`, which are counted in characters
/// from 0 and both included.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Emote {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    begin: Option<usize>,
    #[serde(default)]
    end: Option<usize>,
    #[serde(default = "zero", rename = "emote_set_id")]
    set_id: String,
    #[serde(default = "zero")]
    owner_id: String,
    #[serde(default = "pictures")]
    format: Vec<String>,
}

fn zero() -> String {
    "0".to_owned()
}

fn pictures() -> Vec<String> {
    vec!["static".to_owned()]
}

/// What a part of a text is.
#[derive(Clone, Debug)]
enum Kind<'a> {
    Text,
    Cheermote { prefix: String, bits: u32, tier: u32 },
    Emote(&'a Emote),
    Mention(User),
}

/// A part of a text.
#[derive(Debug)]
pub(super) struct Fragment<'a> {
    text: &'a str,
    kind: Kind<'a>,
}

impl Fragment<'_> {
    /// How many bits it cheers.
    pub(super) fn bits(&self) -> u32 {
        match self.kind {
            Kind::Cheermote { bits, .. } => bits,
            Kind::Text | Kind::Emote(_) | Kind::Mention(_) => 0,
        }
    }

    /// The fragment as Twitch shows it.
    pub(super) fn show(&self) -> Value {
        let (mut cheermote, mut emote, mut mention) = (Value::Null, Value::Null, Value::Null);
        let name = match &self.kind {
            Kind::Text => "text",
            Kind::Cheermote { prefix, bits, tier } => {
                cheermote = json!({"prefix": prefix, "bits": bits, "tier": tier});
                "cheermote"
            }
            Kind::Emote(Emote { id, set_id, owner_id, format, .. }) => {
                emote = json!({"id": id, "emote_set_id": set_id, "owner_id": owner_id, "format": format});
                "emote"
            }
            Kind::Mention(user) => {
                mention = json!({"user_id": user.id, "user_login": user.login(), "user_name": user.name()});
                "mention"
            }
        };
        json!({"type": name, "text": self.text, "cheermote": cheermote, "emote": emote, "mention": mention})
    }
}

/// Divides a text; the texts of the fragments together are the text. `user` finds a user by login.
pub(super) fn fragments<'a>(
    text: &'a str,
    emotes: &'a [Emote],
    can_cheer: bool,
    user: impl Fn(&str) -> Option<User>,
) -> Vec<Fragment<'a>> {
    let mut marked: Vec<(usize, usize, Kind<'a>)> = placed(text, emotes);
    for (start, word) in words(text) {
        let end = start + word.len();
        let named = emotes.iter().find(|emote| emote.name.as_deref() == Some(word) && emote.begin.is_none());
        let found = named
            .map(|emote| (end, Kind::Emote(emote)))
            .or_else(|| cheermote(word).filter(|_| can_cheer).map(|kind| (end, kind)))
            .or_else(|| {
                let login = login(word)?;
                Some((start + 1 + login.len(), Kind::Mention(user(login)?)))
            });
        if let Some((end, kind)) = found
            && marked.iter().all(|(other_start, other_end, _)| end <= *other_start || *other_end <= start)
        {
            marked.push((start, end, kind));
        }
    }
    marked.sort_by_key(|(start, ..)| *start);
    let mut fragments = Vec::new();
    let mut at = 0;
    for (start, end, kind) in marked {
        if at < start {
            fragments.push(Fragment { text: &text[at..start], kind: Kind::Text });
        }
        fragments.push(Fragment { text: &text[start..end], kind });
        at = end;
    }
    if at < text.len() || fragments.is_empty() {
        fragments.push(Fragment { text: &text[at..], kind: Kind::Text });
    }
    fragments
}

/// The emotes that are given by place, as far as they do not overlap.
fn placed<'a>(text: &str, emotes: &'a [Emote]) -> Vec<(usize, usize, Kind<'a>)> {
    let byte = |place: usize| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(place);
    let mut placed: Vec<(usize, usize, Kind<'a>)> = Vec::new();
    for emote in emotes {
        let (Some(begin), Some(end)) = (emote.begin, emote.end) else { continue };
        let (Some(start), Some(end)) = (byte(begin), end.checked_add(1).and_then(byte)) else { continue };
        if start < end && placed.iter().all(|(other, other_end, _)| end <= *other || *other_end <= start) {
            placed.push((start, end, Kind::Emote(emote)));
        }
    }
    placed
}

/// The words of a text, each with its place in bytes.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(' ').scan(0, |at, word| {
        let start = *at;
        *at += word.len() + 1;
        Some((start, word))
    })
}

/// `Cheer100`: a known name and a number.
fn cheermote<'a>(word: &str) -> Option<Kind<'a>> {
    let digits = word.trim_end_matches(|character: char| character.is_ascii_digit()).len();
    let (prefix, bits) = (word.get(..digits)?.to_ascii_lowercase(), word.get(digits..)?.parse().ok()?);
    let tier = TIERS.into_iter().find(|tier| *tier <= bits)?;
    CHEERMOTES.contains(&prefix.as_str()).then_some(Kind::Cheermote { prefix, bits, tier })
}

/// The login that a word mentions: what follows the `@`, without punctuation.
fn login(word: &str) -> Option<&str> {
    let rest = word.strip_prefix('@')?;
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    let length = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
    rest.get(..length).filter(|login| !login.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emotes(json: Value) -> Vec<Emote> {
        serde_json::from_value(json).unwrap()
    }

    /// The type and the text of each fragment.
    fn parts(text: &str, emotes: &[Emote]) -> Vec<(String, String)> {
        let ann =
            |login: &str| login.eq_ignore_ascii_case("ann").then(|| User { id: "7".to_owned(), ..User::default() });
        let fragments = fragments(text, emotes, true, ann);
        let joined: String = fragments.iter().map(|fragment| fragment.text).collect();
        assert_eq!(joined, text);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        fragments.iter().map(Fragment::show).map(|shown| (text(&shown["type"]), text(&shown["text"]))).collect()
    }

    #[test]
    fn a_text_is_divided_into_its_parts() {
        let kappa = emotes(json!([{"id": "25", "name": "Kappa"}]));
        for (text, expected) in [
            ("", vec![("text", "")]),
            ("hello  there", vec![("text", "hello  there")]),
            ("Kappa", vec![("emote", "Kappa")]),
            ("Kappas kappa", vec![("text", "Kappas kappa")]),
            ("é Kappa!  Kappa", vec![("text", "é Kappa!  "), ("emote", "Kappa")]),
            ("Cheer100 go", vec![("cheermote", "Cheer100"), ("text", " go")]),
            ("cheer0 cheer unknown5 99", vec![("text", "cheer0 cheer unknown5 99")]),
            ("@Ann, hi @bob", vec![("mention", "@Ann"), ("text", ", hi @bob")]),
            ("@ @@ann", vec![("text", "@ @@ann")]),
        ] {
            let expected: Vec<_> = expected.iter().map(|(kind, text)| ((*kind).into(), (*text).into())).collect();
            assert_eq!(parts(text, &kappa), expected, "{text:?}");
        }
    }

    #[test]
    fn an_emote_is_where_its_place_says_and_only_within_the_text() {
        let placed = emotes(json!([
            {"id": "1", "begin": 2, "end": 4},
            {"id": "2", "begin": 4, "end": 5},
            {"id": "3", "begin": 6, "end": 9},
        ]));
        let expected: Vec<(String, String)> =
            [("text", "éa"), ("emote", "ñbc"), ("text", "def")].map(|(kind, text)| (kind.into(), text.into())).into();
        assert_eq!(parts("éañbcdef", &placed), expected);
    }

    #[test]
    fn a_fragment_shows_all_its_fields() {
        let kappa = emotes(json!([{"id": "25", "name": "Kappa", "format": ["static", "animated"]}]));
        let shown = |text: &str| fragments(text, &kappa, true, |_| None)[0].show();
        let emote = json!({"id": "25", "emote_set_id": "0", "owner_id": "0", "format": ["static", "animated"]});
        let expected = json!({"type": "emote", "text": "Kappa", "cheermote": null, "emote": emote, "mention": null});
        assert_eq!(shown("Kappa"), expected);
        let cheermote = json!({"prefix": "cheer", "bits": 250, "tier": 100});
        let expected =
            json!({"type": "cheermote", "text": "Cheer250", "cheermote": cheermote, "emote": null, "mention": null});
        assert_eq!(shown("Cheer250"), expected);
        assert_eq!(fragments("cheer5", &[], false, |_| None)[0].show()["type"], "text");
    }
}
