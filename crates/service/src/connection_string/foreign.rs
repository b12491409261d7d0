//! Other programs' forms of connection strings, recognised so that the error can name them.

use super::error::Foreign;
use super::keyword::{self, Unknown};

/// Whether the text is a URL of one of these schemes.
pub(super) fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)))
}

/// Recognises what is certainly not meant for this program.
pub(super) fn recognize(text: &str) -> Option<Foreign> {
    if text.starts_with(['"', '\'', '`']) {
        return Some(Foreign::Quoted);
    }
    if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("jdbc:")) {
        return Some(Foreign::Jdbc);
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &&str| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    if let Some(scheme) = scheme.filter(is_scheme) {
        if ["postgres", "postgresql"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return has_keywords_behind(text).then_some(Foreign::Mixed);
        }
        let is_driver = scheme.to_ascii_lowercase().starts_with("postgres") && scheme.contains('+');
        return Some(if is_driver { Foreign::Driver } else { Foreign::Scheme });
    }
    // Npgsql would take the whole line for the first value.
    let first = text.split(';').next().unwrap_or_default();
    let keywords = first.split_whitespace().filter(|word| sets_keyword(word));
    let is_quoted = first.split_once('=').is_some_and(|(_, value)| value.trim_start().starts_with(['"', '\'']));
    (!is_quoted && keywords.count() > 1).then_some(Foreign::Libpq)
}

/// Whether something like `Keyword=value`, with a known keyword, follows a semicolon of the URL outside its password.
fn has_keywords_behind(url: &str) -> bool {
    let behind = url.rsplit_once('@').map_or(url, |(_, behind)| behind);
    behind.split(';').skip(1).any(sets_keyword)
}

fn sets_keyword(text: &str) -> bool {
    text.split_once('=').is_some_and(|(keyword, _)| !matches!(keyword::find(keyword), Err(Unknown::Nobody { .. })))
}
