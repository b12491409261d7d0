//! The parts of a connection string.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use super::address::Address;

/// How to reach a database.
#[derive(Clone, Debug)]
pub struct ConnectionString {
    /// The servers, at least one. If there are several, the one that is not a standby is used.
    pub addresses: Vec<Address>,
    /// The database.
    pub database: String,
    /// The role.
    pub username: String,
    /// The role's password.
    pub password: Option<SecretString>,
    /// Whether and how the connection is encrypted.
    pub ssl_mode: SslMode,
    /// The file with the certificate of the authority by which the server's certificate is verified.
    pub root_certificate: Option<String>,
    /// Time to establish a connection; `None` leaves it to the program.
    pub timeout: Option<Duration>,
    /// Maximum number of connections in the pool; `None` leaves it to the program.
    pub max_pool_size: Option<u32>,
    /// Minimum number of connections in the pool; `None` leaves it to the program.
    pub min_pool_size: Option<u32>,
    /// The application name that the server's statistics show.
    pub application_name: Option<String>,
    /// What was not understood, for the log. Holds no values.
    pub warnings: Vec<String>,
}

/// Whether and how a connection is encrypted, in ascending order of strictness.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only if the server insists.
    Allow,
    /// If the server can.
    Prefer,
    /// Always, whatever the certificate says.
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// Always, with a certificate of a known authority for this host.
    VerifyFull,
}

/// One keyword with its value, from either form.
pub(super) struct Pair {
    /// The keyword as written.
    pub(super) keyword: String,
    pub(super) value: String,
}

/// Without the password, for messages.
impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addresses, database, username, .. } = self;
        let at = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        write!(f, "database {database} at {at} as {username}")
    }
}

impl SslMode {
    /// From libpq's spelling, which without hyphens is Npgsql's.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase().replace(['-', ' '], "");
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull]
            .into_iter()
            .find(|mode| mode.as_text().replace('-', "") == text)
    }

    /// In libpq's spelling.
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
