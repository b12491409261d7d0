//! Problems of the configuration.

use std::fmt::Display;

/// One problem, described for the operator. It repeats no value, since any may be a misplaced secret.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The variable of the setting concerned, if it is a known one.
    pub(crate) key: Option<&'static str>,
    message: String,
}

/// All problems of the configuration, never empty.
#[derive(Debug, thiserror::Error)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError {
    /// One entry per problem.
    pub problems: Vec<Problem>,
}

impl Problem {
    /// A problem of no known setting.
    pub(crate) fn new(message: String) -> Self {
        Self { key: None, message }
    }

    /// A key that no service has, with the most similar one.
    pub(crate) fn unknown(key: &str, origin: impl Display, nearest: &str) -> Self {
        Self::new(format!("{key} ({origin}) is not a setting of any service; did you mean {nearest}?"))
    }

    /// A problem of a setting, whose name comes first.
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
