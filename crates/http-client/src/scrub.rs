//! Removes the credentials of a request from everything that is said about it.
//!
//! Answers of the other side are recorded in the log, in the database, and in our own answers. They may repeat what was
//! sent. So every text from the other side is searched for the credentials of the request, which are read from the request
//! itself: nobody has to list them, and nobody can forget one. Redaction libraries know names and patterns, not the request.

use std::ops::Range;

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use reqwest::Request;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::Value;
use url::form_urlencoded;

/// Replaces a credential.
const NOT_SHOWN: &str = "(not shown)";
/// Anything shorter cannot be a credential, and hiding each `a` would hide the text.
const SHORTEST: usize = 4;
/// How many encodings may be nested.
const MAX_DEPTH: usize = 3;
/// The fields of forms, queries and JSON bodies that are credentials.
const FIELDS: [&str; 8] =
    ["access_token", "client_secret", "code", "id_token", "password", "refresh_token", "secret", "token"];

/// The parts of a request that may hold credentials.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    headers: Vec<SecretString>,
    query: SecretString,
    body: Option<(Format, SecretSlice<u8>)>,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Form,
    Json,
}

/// Removes credentials from texts.
#[derive(Debug)]
pub(crate) struct Scrubber(Vec<SecretString>);

impl Sent {
    pub(crate) fn of(request: &Request) -> Self {
        let credential = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            if *name == AUTHORIZATION {
                // Without the scheme, which is not secret.
                Some(text.split_once(' ').map_or(&*text, |(_, credential)| credential).into())
            } else if value.is_sensitive() || *name == COOKIE {
                Some(text.into_owned().into())
            } else {
                None
            }
        };
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let format = match content_type.unwrap_or_default() {
            form if form.starts_with("application/x-www-form-urlencoded") => Some(Format::Form),
            json if json.starts_with("application/json") => Some(Format::Json),
            _ => None,
        };
        let body = request.body().and_then(reqwest::Body::as_bytes);
        Self {
            headers: request.headers().iter().filter_map(credential).collect(),
            query: request.url().query().unwrap_or_default().into(),
            body: format.zip(body).map(|(format, body)| (format, body.to_vec().into())),
        }
    }

    /// The credentials to search for; computed only if there is a text to search.
    pub(crate) fn scrubber(&self) -> Scrubber {
        let mut found = self.headers.clone();
        of_form(self.query.expose_secret().as_bytes(), &mut found);
        match &self.body {
            Some((Format::Form, body)) => of_form(body.expose_secret(), &mut found),
            Some((Format::Json, body)) => {
                if let Ok(body) = serde_json::from_slice(body.expose_secret()) {
                    of_json(&body, &mut found);
                }
            }
            None => {}
        }
        Scrubber::new(found)
    }
}

fn of_form(form: &[u8], found: &mut Vec<SecretString>) {
    let fields = form_urlencoded::parse(form).filter(|(name, _)| FIELDS.contains(&&**name));
    found.extend(fields.map(|(_, value)| SecretString::from(value.into_owned())));
}

fn of_json(json: &Value, found: &mut Vec<SecretString>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if FIELDS.contains(&name.as_str()) => found.push(text.as_str().into()),
                    _ => of_json(value, found),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| of_json(element, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Scrubber {
    fn new(mut secrets: Vec<SecretString>) -> Self {
        secrets.retain(|secret| compared(secret).len() >= SHORTEST);
        Self(secrets)
    }

    /// The text without any credential, whether plain, percent-encoded, JSON-escaped, or both nested; case and control
    /// characters do not matter.
    pub(crate) fn scrub(&self, text: String) -> String {
        let mut found: Vec<Range<usize>> = Vec::new();
        let as_written: Vec<Unit> =
            text.bytes().enumerate().map(|(at, byte)| Unit { byte, from: at..at + 1 }).collect();
        self.search_decoded(&as_written, MAX_DEPTH, &mut found);
        if found.is_empty() { text } else { without(&text, found) }
    }

    /// Every text of a document.
    pub(crate) fn scrub_json(&self, json: &mut Value) {
        match json {
            Value::String(text) => *text = self.scrub(std::mem::take(text)),
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.scrub_json(element)),
            Value::Object(members) => members.values_mut().for_each(|member| self.scrub_json(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Each encoding is also tried alone: a credential may contain what looks like the other.
    fn search_decoded(&self, view: &[Unit], depth: usize, found: &mut Vec<Range<usize>>) {
        self.search(view, found);
        for code in [percent, escape] {
            let decoded = decoded(view, code);
            if depth > 0 && decoded.len() < view.len() {
                self.search_decoded(&decoded, depth - 1, found);
            }
        }
    }

    fn search(&self, view: &[Unit], found: &mut Vec<Range<usize>>) {
        let view: Vec<(u8, &Unit)> = view.iter().filter_map(|unit| Some((like(unit.byte)?, unit))).collect();
        for secret in self.0.iter().map(compared) {
            let places = view.windows(secret.len());
            let places = places.filter(|place| place.iter().map(|(byte, _)| byte).eq(&secret));
            found.extend(places.filter_map(|place| Some(place.first()?.1.from.start..place.last()?.1.from.end)));
        }
    }
}

/// A byte that a text represents, and its position.
#[derive(Clone)]
struct Unit {
    byte: u8,
    from: Range<usize>,
}

/// Normalises for comparison: `+` is a blank in forms; control characters are removed when a text is recorded.
fn like(byte: u8) -> Option<u8> {
    match byte {
        b'+' => Some(b' '),
        byte if byte.is_ascii_control() => None,
        byte => Some(byte.to_ascii_lowercase()),
    }
}

fn compared(secret: &SecretString) -> Vec<u8> {
    secret.expose_secret().trim().bytes().filter_map(like).collect()
}

/// An encoded character at the start: its length, and what it represents.
type Code = fn(&[Unit]) -> Option<(usize, Vec<u8>)>;

/// Removes one level of encoding.
fn decoded(view: &[Unit], code: Code) -> Vec<Unit> {
    let mut decoded = Vec::with_capacity(view.len());
    let mut at = 0;
    while let Some(unit) = view.get(at) {
        let (length, bytes) = code(&view[at..]).unwrap_or_else(|| (1, vec![unit.byte]));
        let from = unit.from.start..view[at + length - 1].from.end;
        decoded.extend(bytes.into_iter().map(|byte| Unit { byte, from: from.clone() }));
        at += length;
    }
    decoded
}

/// Percent-encoding, as in URLs and forms.
fn percent(view: &[Unit]) -> Option<(usize, Vec<u8>)> {
    (view.first()?.byte == b'%').then_some(())?;
    Some((3, vec![u8::try_from(hex(view.get(1..3)?)?).ok()?]))
}

/// Escapes, as in JSON texts.
fn escape(view: &[Unit]) -> Option<(usize, Vec<u8>)> {
    (view.first()?.byte == b'\\').then_some(())?;
    match view.get(1)?.byte {
        b'u' => Some((6, char::from_u32(hex(view.get(2..6)?)?)?.to_string().into_bytes())),
        escaped @ (b'"' | b'\\' | b'/') => Some((2, vec![escaped])),
        b'b' | b'f' | b'n' | b'r' | b't' => Some((2, vec![b'\n'])),
        _ => None,
    }
}

fn hex(digits: &[Unit]) -> Option<u32> {
    let mut digits = digits.iter().map(|unit| char::from(unit.byte).to_digit(16));
    digits.try_fold(0, |number, digit| Some(number * 16 + digit?))
}

fn without(text: &str, mut found: Vec<Range<usize>>) -> String {
    found.sort_unstable_by_key(|range| range.start);
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for range in found {
        if range.start >= end {
            shown.push_str(&text[text.floor_char_boundary(end)..text.floor_char_boundary(range.start)]);
            shown.push_str(NOT_SHOWN);
        }
        end = end.max(text.ceil_char_boundary(range.end));
    }
    shown.push_str(&text[end..]);
    shown
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scrubber(secrets: &[&str]) -> Scrubber {
        Scrubber::new(secrets.iter().map(|secret| SecretString::from(*secret)).collect())
    }

    fn scrubbed(secret: &str, text: &str) -> String {
        scrubber(&[secret]).scrub(text.to_owned())
    }

    #[test]
    fn a_credential_is_found_however_it_is_written() {
        for (secret, written) in [
            ("hunter22", "hunter22"),
            ("hunter22", "HUNTER22"),
            ("hunter22", "%68unter2%32"),
            ("hunter22", "\\u0068unter22"),
            ("hunter22", "%2568unter22"),
            ("hunter22", "%5Cu0068unter22"),
            ("hunter22", "hunt\u{0}er\r\n22"),
            ("hunter22", "hunt\\ner22"),
            ("a b+c/d\"\\", "a b+c/d\"\\"),
            ("a b+c/d\"\\", "a+b%2Bc%2fd%22%5c"),
            ("a b+c/d\"\\", "a b+c\\/d\\\"\\\\"),
            ("100%41", "100%41"),
            ("100%41", "100%2541"),
            ("пароль", "пароль"),
            ("пароль", "\\u043f\\u0430\\u0440\\u043e\\u043b\\u044c"),
            ("пароль", "%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C"),
        ] {
            let text = format!("é«{written}» is void");
            assert_eq!(scrubbed(secret, &text), "é«(not shown)» is void", "{written}");
        }
    }

    #[test]
    fn what_is_none_stays_as_it_is() {
        for text in ["", "hunter2", "hunter 22", "100% of it, \\u, \\ud800 %zz %", "é\u{301}"] {
            assert_eq!(scrubbed("hunter22", text), text);
        }
        assert_eq!(scrubber(&["", "a", " t ", "xyz"]).scrub("a text, xyz".to_owned()), "a text, xyz");
    }

    #[test]
    fn each_one_is_taken_out_wherever_it_is() {
        let scrubber = scrubber(&["token-1", "token-12", "secret"]);
        let text = "token-12token-1, secret token-3".to_owned();
        assert_eq!(scrubber.scrub(text), "(not shown)(not shown), (not shown) token-3");
        let mut json = json!({"a": ["secret", {"b": "a secret"}], "c": 1, "d": null});
        scrubber.scrub_json(&mut json);
        assert_eq!(json, json!({"a": ["(not shown)", {"b": "a (not shown)"}], "c": 1, "d": null}));
    }

    #[test]
    fn the_credentials_of_a_request_are_read_from_the_request() {
        let http = crate::client::client(&"http://127.0.0.1".parse().unwrap(), Duration::from_secs(1)).unwrap();
        let url = "http://127.0.0.1:9/?token=in-the-query&broadcaster_id=1337";
        let mut key = http::HeaderValue::from_static("a sensitive key");
        key.set_sensitive(true);
        let form = [("client_id", "the-client"), ("client_secret", "in the form"), ("refresh_token", "in/the/form")];
        let json = json!({"type": "a-type", "transport": {"callback": "a-callback", "secret": "in-the-json"}});
        let requests = [
            (
                http.post(url).bearer_auth("the-token").header("x-key", key).form(&form).build().unwrap(),
                vec!["the-token", "a sensitive key", "in-the-query", "in the form", "in/the/form"],
            ),
            (
                http.post(url).header("authorization", "OAuth the-token").json(&json).build().unwrap(),
                vec!["the-token", "in-the-query", "in-the-json"],
            ),
        ];
        for (request, expected) in requests {
            let sent = Sent::of(&request);
            let found: Vec<_> = sent.scrubber().0.iter().map(|secret| secret.expose_secret().to_owned()).collect();
            assert_eq!(
                found.iter().collect::<std::collections::BTreeSet<_>>(),
                expected.iter().map(|secret| (*secret).to_owned()).collect::<Vec<_>>().iter().collect()
            );
            let shown = format!("{sent:?} {:?}", sent.scrubber());
            assert!(expected.iter().all(|secret| !shown.contains(secret)), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_nothing_is_left(
            secret in "[a-zA-Z0-9 +/%\\\\\"é-]{4,12}", before in "\\PC{0,8}", after in "\\PC{0,8}", how in 0..4,
        ) {
            let written = match how {
                0 => secret.clone(),
                1 => utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string(),
                2 => serde_json::to_string(&secret).unwrap().trim_matches('"').to_owned(),
                _ => secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat(),
            };
            prop_assume!(secret.trim().len() >= SHORTEST);
            // A quote at either end was cut off above.
            prop_assume!(!secret.contains('"') || how != 2);
            // Half an escape in front includes the first character: such a text is not JSON.
            let is_half_escape = before.chars().rev().take_while(|character| *character == '\\').count() % 2 == 1;
            prop_assume!(!is_half_escape || how < 2);
            // The same holds for a part of one in a URL.
            let is_part_of_escape = before.ends_with('%') || before.chars().rev().nth(1) == Some('%');
            prop_assume!(!is_part_of_escape || how != 1);
            let shown = scrubbed(&secret, &format!("{before}{written}{after}"));
            prop_assert!(shown.contains(NOT_SHOWN), "{} in {}", secret, shown);
        }

        #[test]
        fn any_text_is_searched(text in "[%\\\\u0-9a-fé🐈 ]{0,40}", secret in "[%\\\\u0-9a-fé🐈 ]{4,8}") {
            let _ = scrubbed(&secret, &text);
        }
    }
}
