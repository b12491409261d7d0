//! How a subcommand fails: what it says, and its exit status.

use std::process::ExitCode;

use mgm_service::descriptors;

use crate::process::Error;

/// A check failed, or what is away may come back.
pub(super) const FAILED: u8 = 1;
/// Wrong usage or environment.
pub(super) const WRONG: u8 = 2;

/// Why a subcommand could not do what it was asked.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) status: u8,
}

impl<E: std::error::Error> From<E> for Failure {
    /// Usage or environment are wrong. A database that is away is environment, too: a check that was not made must not look
    /// like one that failed.
    fn from(error: E) -> Self {
        Self { message: error.to_string(), status: WRONG }
    }
}

impl Failure {
    /// On standard error.
    pub(super) fn tell(self) -> ExitCode {
        eprintln!("mgm-backend: {}", descriptors::explained(self.message));
        ExitCode::from(self.status)
    }

    /// Of a process that is to be started again: what is set up wrongly stays so, a database may come back.
    pub(super) fn of_a_service(error: &Error) -> Self {
        let status = match error {
            Error::Config(_) | Error::Bind(_) | Error::Twitch(_) => WRONG,
            Error::Database { .. } => FAILED,
        };
        Self { message: error.to_string(), status }
    }
}
