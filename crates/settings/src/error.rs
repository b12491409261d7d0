//! What can be wrong with the configuration.

use std::fmt::Display;

/// One thing that is wrong, in words for the operator. They hold no value: any may be a secret in the wrong place.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The variable of the setting that it is about, where it is one that is known.
    pub(crate) key: Option<&'static str>,
    message: String,
}

/// Everything that is wrong with the configuration, never empty.
#[derive(Debug, thiserror::Error)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError {
    /// One entry a problem.
    pub problems: Vec<Problem>,
}

impl Problem {
    /// Of no known setting.
    pub(crate) fn new(message: String) -> Self {
        Self { key: None, message }
    }

    /// Of a key that no service knows, with the one that looks most like it.
    pub(crate) fn unknown(key: &str, origin: impl Display, nearest: &str) -> Self {
        Self::new(format!("{key} ({origin}) is not a setting of any service; did you mean {nearest}?"))
    }

    /// Of a setting, whose name comes first.
    pub(crate) fn of(key: &'static str, said: impl Display) -> Self {
        Self { key: Some(key), message: format!("{key}{said}") }
    }
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
