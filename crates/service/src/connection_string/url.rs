//! `postgres://user:password@host:port/database?sslmode=…`.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::ExposeSecret;
use url::Url;

use super::address::Address;
use super::error::ConnectionStringError;
use super::parts::{ConnectionString, Pair};

pub(super) fn pairs(text: &str) -> Result<Vec<Pair>, ConnectionStringError> {
    check_escapes(text)?;
    let (text, several) = without_several_hosts(text);
    let url = Url::parse(&text).ok().filter(|url| url.fragment().is_none()).ok_or(ConnectionStringError::Url(
        "it cannot be parsed; in a user name or password, / ? # @ and the like are written as %2F and so on",
    ))?;
    let mut pairs = Vec::new();
    let mut push = |keyword: &str, encoded: &str| {
        let value = percent_decode_str(encoded).decode_utf8_lossy();
        pairs.push(Pair { keyword: keyword.to_owned(), value: value.into_owned() });
    };
    let one = || url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost").trim_matches(['[', ']']);
    push("host", several.as_deref().unwrap_or_else(one));
    if let Some(port) = url.port() {
        push("port", &port.to_string());
    }
    push("user", url.username());
    push("password", url.password().unwrap_or_default());
    push("dbname", url.path().trim_start_matches('/'));
    pairs.extend(
        url.query_pairs().map(|(keyword, value)| Pair { keyword: keyword.into_owned(), value: value.into_owned() }),
    );
    Ok(pairs)
}

/// What URL parsers tolerate: a literal `%`, and bytes that are not text.
fn check_escapes(text: &str) -> Result<(), ConnectionStringError> {
    let is_escape = |behind: &str| behind.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(is_escape) {
        return Err(ConnectionStringError::Url(
            "a % has no two hexadecimal digits behind it; % itself is written as %25",
        ));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(drop).map_err(|_| ConnectionStringError::Url("what its % stand for is not UTF-8"))
}

/// Standard URLs have one host, but libpq's may have several: `postgres://user@a:5432,b:5433/database`. Returns the URL
/// with one host in their place, and the list.
fn without_several_hosts(text: &str) -> (String, Option<String>) {
    let Some(start) = text.find("://").map(|scheme| scheme + "://".len()) else { return (text.to_owned(), None) };
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |end| start + end);
    let hosts = text[start..end].rfind('@').map_or(start, |at| start + at + 1);
    if !text[hosts..end].contains(',') {
        return (text.to_owned(), None);
    }
    (format!("{}localhost{}", &text[..hosts], &text[end..]), Some(text[hosts..end].to_owned()))
}

pub(super) fn write(to: &ConnectionString, Address { host, port }: &Address) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let password =
        to.password.as_ref().map_or_else(String::new, |password| format!(":{}", encode(password.expose_secret())));
    // As a parameter, the host may be the directory of a Unix socket or an IPv6 address without escaping, and the database
    // may be called `..`.
    let parameters = [
        ("host", Some(host.as_str())),
        ("dbname", Some(&to.database)),
        ("sslmode", Some(to.ssl_mode.as_text())),
        ("sslrootcert", to.root_certificate.as_deref()),
        ("application_name", to.application_name.as_deref()),
    ];
    let parameters = parameters.iter().filter_map(|(name, value)| Some(format!("{name}={}", encode((*value)?))));
    format!(
        "postgres://{}{password}@localhost:{port}/?{}",
        encode(&to.username),
        parameters.collect::<Vec<_>>().join("&")
    )
}
