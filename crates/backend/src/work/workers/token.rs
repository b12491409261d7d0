//! Validates the broadcaster's token as Twitch requires: at start, and every hour
//! (<https://dev.twitch.tv/docs/authentication/validate-tokens/>). So a token that is invalid, or lacks a scope, is
//! noticed before an announcement is due.

use std::time::Duration;

use mgm_store::StoreError;
use tokio::time::Instant;

use super::{context::WorkerContext, worker::Worker};

/// The time between validations.
const PERIOD: Duration = Duration::from_secs(3_600);
/// How soon to retry if Twitch could not be asked, and how often to see whether a validation is due.
const AGAIN: Duration = Duration::from_secs(60);

/// Validates the token.
pub(super) struct Token {
    context: WorkerContext,
    validated: Option<Instant>,
}

impl Token {
    pub(super) fn new(context: WorkerContext) -> Self {
        Self { context, validated: None }
    }
}

impl Worker for Token {
    const NAME: &'static str = "token";

    /// A token that is not known to be valid is logged; it is not a failure of the worker.
    async fn round(&mut self) -> Result<(), StoreError> {
        if self.validated.is_some_and(|validated| validated.elapsed() < PERIOD) {
            return Ok(());
        }
        match self.context.helix.validate().await {
            Ok(findings) => {
                for warning in findings.warnings {
                    tracing::warn!("{warning}");
                }
                self.validated = Some(Instant::now());
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "the broadcaster's token is not known to be good");
                self.validated = None;
            }
        }
        Ok(())
    }

    fn pause(&self) -> Duration {
        AGAIN
    }
}
