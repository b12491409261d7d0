//! How to reach a PostgreSQL database, written as .NET deployments write it (`Host=…;Port=…`, the keywords of Npgsql) or
//! as a `postgres://` URL.
//!
//! Protocol documents: <https://www.npgsql.org/doc/connection-string-parameters.html> and
//! <https://www.postgresql.org/docs/16/libpq-connect.html#LIBPQ-CONNSTRING-URIS>.

mod keyword;
mod npgsql;
mod url;

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use keyword::Keyword;

/// How to reach a database.
#[derive(Clone, Debug)]
pub struct ConnectionString {
    /// A host name, an IP address without brackets, or the directory of a Unix socket (it begins with `/`).
    pub host: String,
    /// The TCP port, which is also part of a Unix socket's name.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role.
    pub username: String,
    /// The role's password.
    pub password: Option<SecretString>,
    /// Whether and how the connection is encrypted.
    pub ssl_mode: SslMode,
    /// The file of the certificate authority that the server's certificate is checked against.
    pub root_certificate: Option<String>,
    /// Time to establish a connection.
    pub timeout: Duration,
    /// Most connections that are kept; none when it is left to the program.
    pub max_pool_size: Option<u32>,
    /// Fewest connections that are kept; none when it is left to the program.
    pub min_pool_size: Option<u32>,
    /// The name that the server's statistics show.
    pub application_name: Option<String>,
    /// What was written but not understood, for the log. Holds no values.
    pub warnings: Vec<String>,
}

/// Whether and how a connection is encrypted, in ascending order of strictness.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only when the server insists.
    Allow,
    /// When the server can.
    Prefer,
    /// Always, whatever the certificate says.
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// Always, with a certificate of a known authority for this host.
    VerifyFull,
}

/// Why a connection string is none. Never holds a value, since any may be the password.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part has no `=`.
    #[error("part {position} of the connection string has no '='; a value that holds ';' stands in quotes")]
    NoEquals {
        /// Counted from one.
        position: usize,
    },
    /// A quote is opened, but not closed, or text follows it.
    #[error("part {position} of the connection string has a quote that does not end at its end")]
    Quote {
        /// Counted from one.
        position: usize,
    },
    /// The value does not fit the keyword.
    #[error("connection string: {keyword} is {expected}")]
    Value {
        /// The keyword, in Npgsql's spelling.
        keyword: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
    /// What nothing works without.
    #[error("the connection string names no {keyword}")]
    Missing {
        /// The keyword, in Npgsql's spelling.
        keyword: &'static str,
    },
    /// It begins like a URL, but is none.
    #[error("the connection string is no postgres:// URL: {0}")]
    Url(&'static str),
}

/// One keyword with its value, whichever way it was written.
struct Pair {
    /// As it was written.
    keyword: String,
    value: String,
}

impl ConnectionString {
    /// Reads either form. A value given twice counts as the last one says; an empty value counts as not given.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        let text = text.trim();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::from_pairs(url::pairs(text)?)
        } else {
            Self::from_pairs(npgsql::pairs(text)?)
        }
    }

    fn from_pairs(pairs: Vec<Pair>) -> Result<Self, ConnectionStringError> {
        let mut read = Self {
            host: String::new(),
            port: 5432,
            database: String::new(),
            username: String::new(),
            password: None,
            ssl_mode: SslMode::Prefer,
            root_certificate: None,
            timeout: Duration::from_secs(15),
            max_pool_size: None,
            min_pool_size: None,
            application_name: None,
            warnings: Vec::new(),
        };
        let mut follows_password = false;
        for Pair { keyword: written, value } in pairs.into_iter().filter(|pair| !pair.value.is_empty()) {
            match keyword::find(&written) {
                Ok(keyword) => {
                    follows_password = keyword == Keyword::Password;
                    read.set(keyword, value)?;
                }
                Err(unknown) => {
                    let warning = unknown.warning(&written, follows_password);
                    read.warnings.push(warning);
                    follows_password = false;
                }
            }
        }
        for (keyword, value) in [(Keyword::Host, &read.host), (Keyword::Username, &read.username)] {
            if value.is_empty() {
                return Err(ConnectionStringError::Missing { keyword: keyword.name() });
            }
        }
        if read.database.is_empty() {
            read.database.clone_from(&read.username);
        }
        Ok(read)
    }

    fn set(&mut self, keyword: Keyword, value: String) -> Result<(), ConnectionStringError> {
        let expected = |expected| ConnectionStringError::Value { keyword: keyword.name(), expected };
        let number = || value.parse::<u32>().map_err(|_| expected("a whole number"));
        match keyword {
            Keyword::Host if value.contains(',') => return Err(expected("one host")),
            Keyword::Host => self.host = value,
            Keyword::Port => {
                self.port =
                    value.parse().ok().filter(|port| *port != 0).ok_or_else(|| expected("a number from 1 to 65535"))?;
            }
            Keyword::Database => self.database = value,
            Keyword::Username => self.username = value,
            Keyword::Password => self.password = Some(value.into()),
            Keyword::SslMode => {
                self.ssl_mode = SslMode::from_text(&value)
                    .ok_or_else(|| expected("one of Disable, Allow, Prefer, Require, VerifyCA and VerifyFull"))?;
            }
            Keyword::RootCertificate => self.root_certificate = Some(value),
            Keyword::Timeout => self.timeout = Duration::from_secs(number()?.into()),
            Keyword::MaxPoolSize => self.max_pool_size = Some(number()?),
            Keyword::MinPoolSize => self.min_pool_size = Some(number()?),
            Keyword::ApplicationName => self.application_name = Some(value),
        }
        Ok(())
    }

    /// The Npgsql form, with everything but the warnings.
    #[must_use]
    pub fn to_npgsql(&self) -> SecretString {
        npgsql::write(&self.all_pairs()).into()
    }

    /// A `postgres://` URL of what belongs to a connection alone, without time-out and pool sizes, as `sqlx` reads it.
    #[must_use]
    pub fn to_url(&self) -> SecretString {
        url::write(self).into()
    }

    fn all_pairs(&self) -> Vec<(Keyword, String)> {
        let some = [
            (Keyword::Host, Some(self.host.clone())),
            (Keyword::Port, Some(self.port.to_string())),
            (Keyword::Database, Some(self.database.clone())),
            (Keyword::Username, Some(self.username.clone())),
            (Keyword::Password, self.password.as_ref().map(|password| password.expose_secret().to_owned())),
            (Keyword::SslMode, Some(self.ssl_mode.as_text().to_owned())),
            (Keyword::RootCertificate, self.root_certificate.clone()),
            (Keyword::Timeout, Some(self.timeout.as_secs().to_string())),
            (Keyword::MaxPoolSize, self.max_pool_size.map(|size| size.to_string())),
            (Keyword::MinPoolSize, self.min_pool_size.map(|size| size.to_string())),
            (Keyword::ApplicationName, self.application_name.clone()),
        ];
        some.into_iter().filter_map(|(keyword, value)| Some((keyword, value?))).collect()
    }
}

/// Without the password, for messages.
impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, username, .. } = self;
        write!(f, "database {database} at {host}:{port} as {username}")
    }
}

impl SslMode {
    /// In the spelling of libpq, which Npgsql's without hyphens is also read as.
    fn from_text(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase().replace(['-', ' '], "");
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull]
            .into_iter()
            .find(|mode| mode.as_text().replace('-', "") == text)
    }

    /// In the spelling of libpq.
    #[must_use]
    pub fn as_text(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

#[cfg(test)]
mod tests;
