//! What can be wrong with the configuration.

use std::fmt;
use std::path::PathBuf;

use super::layers::Origin;

/// One thing that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No service knows the key.
    #[error("{key} ({origin}) is not a setting of any service; did you mean {nearest}?")]
    Unknown {
        /// As it was written.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// The key that looks most like it.
        nearest: &'static str,
    },
    /// The value is not of the setting's type.
    #[error("{key} ({origin}): expected {expected}")]
    Invalid {
        /// The environment variable that names the setting.
        key: &'static str,
        /// Where the value was written.
        origin: Origin,
        /// What would have been right.
        expected: String,
    },
    /// The value is of the right type, but makes no sense.
    #[error("{key}: {reason}")]
    Refused {
        /// The environment variable that names the setting.
        key: &'static str,
        /// Why.
        reason: String,
    },
    /// Two spellings of one variable are set to different values.
    #[error("{first} and {second} are the same setting, but have different values")]
    Ambiguous {
        /// One spelling.
        first: String,
        /// The other spelling.
        second: String,
    },
    /// The file of `--config` cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file that is to hold a value cannot be read. Its name is a value, too: somebody may have put the secret itself
    /// there.
    #[error("{variable}: the file that it names cannot be read: {source}")]
    UnreadableValue {
        /// The environment variable that names the file, as it was spelled.
        variable: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// What is wrong, without the text that is.
        message: String,
    },
}

/// Everything that is wrong with the configuration, never empty.
#[derive(Debug)]
pub struct SettingsError {
    /// One entry a problem.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
