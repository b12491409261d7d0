//! How to reach a PostgreSQL database: a connection string in the .NET form (`Host=…;Port=…`, Npgsql's keywords) or a
//! `postgres://` URL.
//!
//! Protocol documents: <https://www.npgsql.org/doc/connection-string-parameters.html> and
//! <https://www.postgresql.org/docs/16/libpq-connect.html#LIBPQ-CONNSTRING-URIS>.

mod address;
mod certificate;
mod error;
mod foreign;
mod keyword;
mod npgsql;
mod parts;
mod url;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use keyword::Keyword;
use parts::Pair;

pub use address::Address;
pub use error::{ConnectionStringError, Foreign};
pub use parts::{ConnectionString, SslMode};

/// The longest time-out that Npgsql accepts, in seconds.
const LONGEST_TIMEOUT: u32 = 1024;
/// The largest pool that Npgsql accepts.
const LARGEST_POOL: u32 = 1024;

impl ConnectionString {
    /// Parses either form. The last of repeated values counts; an empty value counts as not given.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        let text = text.trim();
        if let Some(foreign) = foreign::recognize(text) {
            return Err(ConnectionStringError::Foreign(foreign));
        }
        if foreign::has_scheme(text, &["postgres", "postgresql"]) {
            Self::from_pairs(url::pairs(text)?)
        } else {
            Self::from_pairs(npgsql::pairs(text)?)
        }
    }

    fn from_pairs(pairs: Vec<Pair>) -> Result<Self, ConnectionStringError> {
        let mut read = Self {
            addresses: Vec::new(),
            database: String::new(),
            username: String::new(),
            password: None,
            ssl_mode: SslMode::Prefer,
            root_certificate: None,
            timeout: None,
            max_pool_size: None,
            min_pool_size: None,
            application_name: None,
            warnings: Vec::new(),
        };
        let (mut hosts, mut ports) = (String::new(), String::new());
        let mut follows_password = false;
        for Pair { keyword: written, value } in pairs.into_iter().filter(|pair| !pair.value.is_empty()) {
            match keyword::find(&written) {
                Ok(keyword) => {
                    follows_password = keyword == Keyword::Password;
                    match keyword {
                        Keyword::Host => hosts = value,
                        Keyword::Port => ports = value,
                        _ => read.set(keyword, value)?,
                    }
                }
                Err(unknown) => {
                    unknown.check(&value)?;
                    let warning = unknown.warning(&written, follows_password);
                    read.warnings.push(warning);
                    follows_password = false;
                }
            }
        }
        let (addresses, port_is_overruled) = address::read(&hosts, &ports)?;
        if port_is_overruled {
            let warning =
                "the keyword Port of the connection string has no effect here: every Host has a port of its own";
            read.warnings.push(warning.to_owned());
        }
        for (keyword, is_missing) in
            [(Keyword::Host, addresses.is_empty()), (Keyword::Username, read.username.is_empty())]
        {
            if is_missing {
                return Err(ConnectionStringError::Missing { keyword: keyword.name() });
            }
        }
        if read.database.is_empty() {
            read.database.clone_from(&read.username);
        }
        if read.max_pool_size.zip(read.min_pool_size).is_some_and(|(most, fewest)| fewest > most) {
            return Err(keyword::refusal(Keyword::MinPoolSize.name(), "not above Maximum Pool Size"));
        }
        Ok(Self { addresses, ..read })
    }

    /// Whether there are several servers, so that the one that is not a standby has to be found.
    #[must_use]
    pub fn has_several_hosts(&self) -> bool {
        self.addresses.len() > 1
    }

    /// Sets everything except hosts and ports, which belong together.
    fn set(&mut self, keyword: Keyword, value: String) -> Result<(), ConnectionStringError> {
        let expected = |expected: &str| keyword::refusal(keyword.name(), expected);
        let number = |range| keyword::number(keyword.name(), &value, range);
        match keyword {
            Keyword::Host | Keyword::Port => {}
            Keyword::Database => self.database = value,
            Keyword::Username => self.username = value,
            Keyword::Password => self.password = Some(value.into()),
            Keyword::SslMode => {
                self.ssl_mode = SslMode::from_text(&value)
                    .ok_or_else(|| expected("one of Disable, Allow, Prefer, Require, VerifyCA and VerifyFull"))?;
            }
            Keyword::RootCertificate => self.root_certificate = Some(value),
            Keyword::Timeout => {
                // In Npgsql zero means no limit; its longest time-out is as good.
                let seconds = number(0..=LONGEST_TIMEOUT)?;
                self.timeout = Some(Duration::from_secs(if seconds == 0 { LONGEST_TIMEOUT } else { seconds }.into()));
            }
            Keyword::MaxPoolSize => self.max_pool_size = Some(number(1..=LARGEST_POOL)?),
            Keyword::MinPoolSize => self.min_pool_size = Some(number(0..=LARGEST_POOL)?),
            Keyword::ApplicationName => self.application_name = Some(value),
            Keyword::TargetSession => {
                let wanted = value.to_ascii_lowercase().replace(['-', ' '], "");
                if !["any", "primary", "preferprimary", "readwrite"].contains(&wanted.as_str()) {
                    return Err(expected("Any, Primary, PreferPrimary or ReadWrite: a standby takes no writes"));
                }
            }
        }
        Ok(())
    }

    /// The Npgsql form, with everything except the warnings.
    #[must_use]
    pub fn to_npgsql(&self) -> SecretString {
        npgsql::write(&self.all_pairs()).into()
    }

    /// For each address a `postgres://` URL, as `sqlx` reads it, with everything that belongs to a single connection: without
    /// time-out and pool sizes.
    #[must_use]
    pub fn to_urls(&self) -> Vec<SecretString> {
        self.addresses.iter().map(|address| url::write(self, address).into()).collect()
    }

    /// What to do if the server's certificate was refused; `None` if `error` is about something else.
    #[must_use]
    pub fn explain(&self, error: &str) -> Option<String> {
        certificate::about_server(error, self.root_certificate.is_some())
    }

    /// Checks that the authority's file, if given, is usable: the driver's errors would not name it.
    pub fn check_files(&self) -> Result<(), ConnectionStringError> {
        let problem = self.root_certificate.as_deref().map(certificate::problem_of_authority);
        problem.unwrap_or(Ok(())).map_err(ConnectionStringError::RootCertificate)
    }

    fn all_pairs(&self) -> Vec<(Keyword, String)> {
        let some = [
            (Keyword::Host, Some(address::hosts(&self.addresses))),
            (Keyword::Port, Some(address::ports(&self.addresses))),
            (Keyword::Database, Some(self.database.clone())),
            (Keyword::Username, Some(self.username.clone())),
            (Keyword::Password, self.password.as_ref().map(|password| password.expose_secret().to_owned())),
            (Keyword::SslMode, Some(self.ssl_mode.as_text().to_owned())),
            (Keyword::RootCertificate, self.root_certificate.clone()),
            (Keyword::Timeout, self.timeout.map(|timeout| timeout.as_secs().to_string())),
            (Keyword::MaxPoolSize, self.max_pool_size.map(|size| size.to_string())),
            (Keyword::MinPoolSize, self.min_pool_size.map(|size| size.to_string())),
            (Keyword::ApplicationName, self.application_name.clone()),
        ];
        some.into_iter().filter_map(|(keyword, value)| Some((keyword, value?))).collect()
    }
}

#[cfg(test)]
mod tests;
