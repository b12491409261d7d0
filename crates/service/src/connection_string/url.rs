//! `postgres://user:password@host:port/database?sslmode=…`.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::ExposeSecret;
use url::Url;

use super::{ConnectionString, ConnectionStringError, Pair};

pub(super) fn pairs(text: &str) -> Result<Vec<Pair>, ConnectionStringError> {
    let url = Url::parse(text).map_err(|_| ConnectionStringError::Url("it cannot be taken apart"))?;
    let mut pairs = Vec::new();
    let mut push = |keyword: &str, encoded: &str| {
        let value =
            percent_decode_str(encoded).decode_utf8().map_err(|_| ConnectionStringError::Url("it is not UTF-8"))?;
        pairs.push(Pair { keyword: keyword.to_owned(), value: value.into_owned() });
        Ok(())
    };
    push("host", url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost").trim_matches(['[', ']']))?;
    if let Some(port) = url.port() {
        push("port", &port.to_string())?;
    }
    push("user", url.username())?;
    push("password", url.password().unwrap_or_default())?;
    push("dbname", url.path().trim_start_matches('/'))?;
    pairs.extend(
        url.query_pairs().map(|(keyword, value)| Pair { keyword: keyword.into_owned(), value: value.into_owned() }),
    );
    Ok(pairs)
}

pub(super) fn write(to: &ConnectionString) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let password =
        to.password.as_ref().map_or_else(String::new, |password| format!(":{}", encode(password.expose_secret())));
    // As a parameter, the host may be the directory of a Unix socket or an IPv6 address just as it is, and the database
    // may be called `..`.
    let parameters = [
        ("host", Some(to.host.as_str())),
        ("dbname", Some(&to.database)),
        ("sslmode", Some(to.ssl_mode.as_text())),
        ("sslrootcert", to.root_certificate.as_deref()),
        ("application_name", to.application_name.as_deref()),
    ];
    let parameters = parameters.iter().filter_map(|(name, value)| Some(format!("{name}={}", encode((*value)?))));
    format!(
        "postgres://{}{password}@localhost:{}/?{}",
        encode(&to.username),
        to.port,
        parameters.collect::<Vec<_>>().join("&")
    )
}
