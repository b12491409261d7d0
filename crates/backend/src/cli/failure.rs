//! The failure of a subcommand: its message and its exit status.

use std::process::ExitCode;

use mgm_service::descriptors;

use crate::process::Error;

/// A check failed, or something is unavailable that may come back.
pub(super) const FAILED: u8 = 1;
/// The usage or the environment is wrong.
pub(super) const WRONG: u8 = 2;

/// Why a subcommand could not do its work.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) status: u8,
}

impl<E: std::error::Error> From<E> for Failure {
    /// The usage or the environment is wrong. That includes an unavailable database: a check that was not made must not
    /// look like a failed one.
    fn from(error: E) -> Self {
        Self { message: error.to_string(), status: WRONG }
    }
}

impl Failure {
    /// Prints the message to standard error; returns the exit status.
    pub(super) fn tell(self) -> ExitCode {
        eprintln!("mgm-backend: {}", descriptors::explained(self.message));
        ExitCode::from(self.status)
    }

    /// For a process that will be restarted: wrong settings stay wrong, but a database may come back.
    pub(super) fn of_a_service(error: &Error) -> Self {
        let status = match error {
            Error::Config(_) | Error::Bind(_) | Error::Twitch(_) => WRONG,
            Error::Database { .. } => FAILED,
        };
        Self { message: error.to_string(), status }
    }
}
