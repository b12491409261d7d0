//! Other programs' forms of connection strings, recognised so that the error can name them.

use std::fmt;

use super::keyword::{self, Unknown};

/// A connection string in another program's form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Foreign {
    /// Quotes around all of it.
    Quoted,
    /// `jdbc:postgresql://…`.
    Jdbc,
    /// `postgresql+driver://…`.
    Driver,
    /// A URL of some other scheme.
    Scheme,
    /// `postgres://…;Keyword=…`.
    Mixed,
    /// `host=… user=…`, separated by blanks.
    Libpq,
}

const FORMS: &str =
    "write Host=…;Port=…;Database=…;Username=…;Password=… or postgres://user:password@host:port/database";

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quoted => f.write_str(
                "is in quotes as a whole; leave them out: an env file keeps quotes that a shell would remove",
            ),
            Self::Jdbc => write!(f, "is a jdbc: URL, which only Java programs accept; {FORMS}"),
            Self::Driver => f.write_str(
                "is a URL that names a Python driver (postgresql+…://); leave out the + and the driver's name",
            ),
            Self::Scheme => write!(f, "is a URL, but not for PostgreSQL; {FORMS}"),
            Self::Mixed => write!(
                f,
                "is a postgres:// URL with Keyword=value after it; write its parts as parameters, \
                 ?sslmode=require&application_name=…, or all of it as Host=…;Port=…"
            ),
            Self::Libpq => write!(f, "is a line for libpq, with blanks between its parts; {FORMS}"),
        }
    }
}

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
