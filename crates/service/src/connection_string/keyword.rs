//! The keywords of Npgsql and libpq.

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
}

/// A keyword that has none.
pub(super) enum Unknown {
    /// Npgsql or libpq know it.
    NoEffect,
    /// Nobody knows it; this known one looks most like it.
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
];

/// What Npgsql and libpq know beside those.
const NO_EFFECT: &[&str] = &[
    "arraynullabilitymode",
    "autoprepareminusages",
    "cancellationtimeout",
    "channelbinding",
    "checkcertificaterevocation",
    "clientencoding",
    "commandtimeout",
    "connectionidlelifetime",
    "connectionlifetime",
    "connectionpruninginterval",
    "encoding",
    "enlist",
    "gssencmode",
    "hostrecheckseconds",
    "includeerrordetail",
    "includefailedbatchedcommand",
    "includerealm",
    "keepalive",
    "keepalives",
    "kerberosservicename",
    "loadbalancehosts",
    "loadbalancetimeout",
    "logparameters",
    "maxautoprepare",
    "multiplexing",
    "noresetonclose",
    "options",
    "passfile",
    "persistsecurityinfo",
    "pooling",
    "readbuffersize",
    "searchpath",
    "servercompatibilitymode",
    "socketreceivebuffersize",
    "socketsendbuffersize",
    "sslcert",
    "sslcertificate",
    "sslkey",
    "sslnegotiation",
    "sslpassword",
    "targetsessionattributes",
    "targetsessionattrs",
    "tcpkeepalive",
    "tcpkeepaliveinterval",
    "tcpkeepalivetime",
    "timezone",
    "trustservercertificate",
    "writebuffersize",
    "writecoalescingbufferthresholdbytes",
];

/// The keyword with this spelling.
pub(super) fn find(written: &str) -> Result<Keyword, Unknown> {
    let plain: String =
        written.chars().filter(|c| !c.is_whitespace() && *c != '_').flat_map(char::to_lowercase).collect();
    if let Some((keyword, ..)) = KEYWORDS.iter().find(|(_, spellings, _)| spellings.contains(&plain.as_str())) {
        return Ok(*keyword);
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
    pub(super) fn warning(&self, written: &str, follows_password: bool) -> String {
        match self {
            Self::NoEffect => format!("the keyword {written} of the connection string has no effect here"),
            // What seems to be a keyword may be the rest of a password that holds a semicolon.
            Self::Nobody { .. } if follows_password => {
                "the connection string has an unknown keyword after the password; a password that holds ';' stands in quotes".to_owned()
            }
            // Nor is what looks like none; it may be the password in a URL that is not one.
            Self::Nobody { nearest } if !is_mistyped(written, nearest) => {
                "the connection string has an unknown keyword, which is not shown, since it may be a part of a value".to_owned()
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
