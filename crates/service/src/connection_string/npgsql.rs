//! `Keyword=value;…`, quoted as `System.Data.Common.DbConnectionStringBuilder` does: a value in `'` or `"` may hold
//! anything, with its own quote doubled; blanks around an unquoted value are ignored.

use super::error::ConnectionStringError;
use super::keyword::Keyword;
use super::parts::Pair;

pub(super) fn pairs(text: &str) -> Result<Vec<Pair>, ConnectionStringError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches([' ', ';']);
    while !rest.is_empty() {
        let position = pairs.len() + 1;
        let part = &rest[..rest.find(';').unwrap_or(rest.len())];
        let equals = part.find('=').ok_or(ConnectionStringError::NoEquals { position })?;
        let keyword = rest[..equals].trim().to_owned();
        let (value, after) = value(rest[equals + 1..].trim_start()).ok_or(ConnectionStringError::Quote { position })?;
        pairs.push(Pair { keyword, value });
        rest = after.trim_start_matches([' ', ';', '\t', '\r', '\n']);
    }
    Ok(pairs)
}

/// The value at the beginning, and what follows its semicolon. `None` if a quote is not closed at its end.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text[..end].trim_end().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut rest = &text[1..];
    loop {
        let end = rest.find(quote)?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(quote) {
            Some(after) => {
                value.push(quote);
                rest = after;
            }
            None => break,
        }
    }
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with(';')).then_some((value, rest))
}

/// Quotes every value, so that none needs to be examined.
pub(super) fn write(pairs: &[(Keyword, String)]) -> String {
    let part = |(keyword, value): &(Keyword, String)| format!("{}=\"{}\"", keyword.name(), value.replace('"', "\"\""));
    pairs.iter().map(part).collect::<Vec<_>>().join(";")
}
