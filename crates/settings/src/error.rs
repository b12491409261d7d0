//! What can be wrong with the configuration.

use std::fmt;
use std::path::PathBuf;

use crate::layer::Origin;

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
        nearest: String,
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
    /// The program cannot do without it.
    #[error("{key} is not set")]
    Missing {
        /// The environment variable that names the setting.
        key: &'static str,
    },
    /// Production cannot do without it.
    #[error("{key} is not set, and Production needs it")]
    NeededInProduction {
        /// The environment variable that names the setting.
        key: &'static str,
    },
    /// An aid of Development.
    #[error("{key} is on, and Production does not allow it")]
    NotInProduction {
        /// The environment variable that names the setting.
        key: &'static str,
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

impl Problem {
    /// The setting whose value is wrong or missing, where it is known.
    pub(crate) const fn key(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { key, .. }
            | Self::Refused { key, .. }
            | Self::Missing { key }
            | Self::NeededInProduction { key }
            | Self::NotInProduction { key } => Some(key),
            Self::Unknown { .. }
            | Self::Ambiguous { .. }
            | Self::Unreadable { .. }
            | Self::UnreadableValue { .. }
            | Self::Syntax { .. } => None,
        }
    }
}

/// Everything that is wrong with the configuration, never empty.
#[derive(Debug)]
pub struct SettingsError {
    /// One entry a problem.
    pub problems: Vec<Problem>,
}

impl SettingsError {
    /// Fails with the problems, if there are any.
    pub fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
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
