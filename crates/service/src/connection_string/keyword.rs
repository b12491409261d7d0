//! The keywords of Npgsql and libpq.

use std::ops::RangeInclusive;

use super::error::ConnectionStringError;

/// A keyword that has an effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Keyword {
    Host,
    Port,
    Database,
    Username,
    Password,
    SslMode,
    RootCertificate,
    Timeout,
    MaxPoolSize,
    MinPoolSize,
    ApplicationName,
    TargetSession,
}

/// A keyword without effect.
pub(super) enum Unknown {
    /// Npgsql or libpq define it.
    NoEffect,
    /// They define it as a whole number.
    NoEffectNumber { name: &'static str, range: RangeInclusive<i64> },
    /// Nobody defines it; this known one is the most similar.
    Nobody { nearest: &'static str },
}

/// Each keyword with its spellings, in lower case and without blanks and underscores; the last column is for messages.
const KEYWORDS: &[(Keyword, &[&str], &str)] = &[
    (Keyword::Host, &["host", "server", "datasource"], "Host"),
    (Keyword::Port, &["port"], "Port"),
    (Keyword::Database, &["database", "db", "dbname", "initialcatalog"], "Database"),
    (Keyword::Username, &["username", "userid", "user", "uid"], "Username"),
    (Keyword::Password, &["password", "pwd", "psw"], "Password"),
    (Keyword::SslMode, &["sslmode"], "SSL Mode"),
    (Keyword::RootCertificate, &["rootcertificate", "sslrootcert"], "Root Certificate"),
    (Keyword::Timeout, &["timeout", "connecttimeout", "connectiontimeout"], "Timeout"),
    (Keyword::MaxPoolSize, &["maximumpoolsize", "maxpoolsize"], "Maximum Pool Size"),
    (Keyword::MinPoolSize, &["minimumpoolsize", "minpoolsize"], "Minimum Pool Size"),
    (Keyword::ApplicationName, &["applicationname"], "Application Name"),
    (Keyword::TargetSession, &["targetsessionattributes", "targetsessionattrs"], "Target Session Attributes"),
];

/// Other keywords of Npgsql and libpq.
const NO_EFFECT: &[&str] = &[
    "arraynullabilitymode",
    "channelbinding",
    "checkcertificaterevocation",
    "clientencoding",
    "encoding",
    "enlist",
    "gssencmode",
    "includeerrordetail",
    "includefailedbatchedcommand",
    "includerealm",
    "keepalives",
    "kerberosservicename",
    "loadbalancehosts",
    "logparameters",
    "multiplexing",
    "noresetonclose",
    "options",
    "passfile",
    "persistsecurityinfo",
    "pooling",
    "searchpath",
    "servercompatibilitymode",
    "sslcert",
    "sslcertificate",
    "sslkey",
    "sslnegotiation",
    "sslpassword",
    "tcpkeepalive",
    "timezone",
    "trustservercertificate",
];

/// Those that are whole numbers, with the minimum; the maximum is that of Npgsql's 32 bits.
const NUMBERS: &[(&str, &str, i64)] = &[
    ("autoprepareminusages", "Auto Prepare Min Usages", 1),
    ("cancellationtimeout", "Cancellation Timeout", -1),
    ("commandtimeout", "Command Timeout", 0),
    ("connectionidlelifetime", "Connection Idle Lifetime", 0),
    ("connectionlifetime", "Connection Lifetime", 0),
    ("connectionpruninginterval", "Connection Pruning Interval", 0),
    ("hostrecheckseconds", "Host Recheck Seconds", 0),
    ("internalcommandtimeout", "Internal Command Timeout", -1),
    ("keepalive", "Keepalive", 0),
    ("keepalivescount", "keepalives_count", 0),
    ("keepalivesidle", "keepalives_idle", 0),
    ("keepalivesinterval", "keepalives_interval", 0),
    ("loadbalancetimeout", "Load Balance Timeout", 0),
    ("maxautoprepare", "Max Auto Prepare", 0),
    ("readbuffersize", "Read Buffer Size", 0),
    ("socketreceivebuffersize", "Socket Receive Buffer Size", 0),
    ("socketsendbuffersize", "Socket Send Buffer Size", 0),
    ("tcpkeepaliveinterval", "Tcp Keepalive Interval", 0),
    ("tcpkeepalivetime", "Tcp Keepalive Time", 0),
    ("tcpusertimeout", "tcp_user_timeout", 0),
    ("writebuffersize", "Write Buffer Size", 0),
    ("writecoalescingbufferthresholdbytes", "Write Coalescing Buffer Threshold Bytes", 0),
];

/// The value is invalid for the keyword.
pub(super) fn refusal(keyword: &'static str, expected: &str) -> ConnectionStringError {
    ConnectionStringError::Value { keyword, expected: expected.to_owned() }
}

/// A whole number within a range, which the error states.
pub(super) fn number<N>(keyword: &'static str, text: &str, range: RangeInclusive<N>) -> Result<N, ConnectionStringError>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| refusal(keyword, &format!("a whole number from {} to {}", range.start(), range.end())))
}

/// The keyword with this spelling.
pub(super) fn find(written: &str) -> Result<Keyword, Unknown> {
    let plain: String =
        written.chars().filter(|c| !c.is_whitespace() && *c != '_').flat_map(char::to_lowercase).collect();
    if let Some((keyword, ..)) = KEYWORDS.iter().find(|(_, spellings, _)| spellings.contains(&plain.as_str())) {
        return Ok(*keyword);
    }
    if let Some((_, name, least)) = NUMBERS.iter().find(|(spelling, ..)| *spelling == plain) {
        return Err(Unknown::NoEffectNumber { name, range: *least..=i32::MAX.into() });
    }
    if NO_EFFECT.contains(&plain.as_str()) {
        return Err(Unknown::NoEffect);
    }
    let distance = |spellings: &[&str]| spellings.iter().map(|known| strsim::damerau_levenshtein(&plain, known)).min();
    let nearest = KEYWORDS.iter().min_by_key(|(_, spellings, _)| distance(spellings));
    Err(Unknown::Nobody { nearest: nearest.map_or("Host", |(.., name)| name) })
}

impl Keyword {
    /// In Npgsql's spelling.
    pub(super) fn name(self) -> &'static str {
        KEYWORDS.iter().find(|(keyword, ..)| *keyword == self).map_or("", |(.., name)| name)
    }
}

impl Unknown {
    /// Refuses a value that Npgsql or libpq would refuse.
    pub(super) fn check(&self, value: &str) -> Result<(), ConnectionStringError> {
        match self {
            Self::NoEffectNumber { name, range } => number(name, value, range.clone()).map(drop),
            Self::NoEffect | Self::Nobody { .. } => Ok(()),
        }
    }

    pub(super) fn warning(&self, written: &str, follows_password: bool) -> String {
        match self {
            Self::NoEffect | Self::NoEffectNumber { .. } => format!("the keyword {written} of the connection string has no effect here"),
            // An apparent keyword may be the rest of a password that holds a semicolon.
            Self::Nobody { .. } if follows_password => {
                "the connection string has an unknown keyword after the password; put a password that holds ';' in quotes".to_owned()
            }
            // An unlikely keyword is not shown either: it may be the password in a malformed URL.
            Self::Nobody { nearest } if !is_mistyped(written, nearest) => {
                "the connection string has an unknown keyword, which is not shown, since it may be part of a value".to_owned()
            }
            Self::Nobody { nearest } => {
                format!("the keyword {written} of the connection string is unknown; did you mean {nearest}?")
            }
        }
    }
}

/// Whether most of the letters are those of the keyword.
fn is_mistyped(written: &str, keyword: &str) -> bool {
    let [written, keyword] = [written, keyword].map(|text| text.to_ascii_lowercase().replace([' ', '_'], ""));
    strsim::damerau_levenshtein(&written, &keyword) * 3 <= keyword.len()
}
