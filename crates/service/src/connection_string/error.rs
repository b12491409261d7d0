//! Why a text is not a connection string.

use std::fmt;

/// Why a text is not a connection string. Never holds a value, since any may be the password.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part has no `=`.
    #[error("part {position} of the connection string has no '='; put a value that holds ';' in quotes")]
    NoEquals {
        /// The position of the part, counted from 1.
        position: usize,
    },
    /// A quote is opened, but not closed, or text follows it.
    #[error("part {position} of the connection string has a quote that is not closed or is followed by text")]
    Quote {
        /// The position of the part, counted from 1.
        position: usize,
    },
    /// The value is invalid for the keyword.
    #[error("connection string: {keyword} is {expected}")]
    Value {
        /// The keyword, in Npgsql's spelling.
        keyword: &'static str,
        /// What would be valid.
        expected: String,
    },
    /// The file of the authority's certificate cannot be used.
    #[error("connection string: the file that Root Certificate names {0}")]
    RootCertificate(String),
    /// It is in another program's form.
    #[error("the connection string {0}")]
    Foreign(Foreign),
    /// A required keyword is missing.
    #[error("the connection string has no {keyword}")]
    Missing {
        /// The keyword, in Npgsql's spelling.
        keyword: &'static str,
    },
    /// It begins like a URL, but is not one.
    #[error("the connection string is not a postgres:// URL: {0}")]
    Url(&'static str),
}

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
