//! The broadcaster's token, validated as Twitch wants it: at start, and every hour
//! (<https://dev.twitch.tv/docs/authentication/validate-tokens/>). So one that is void, or lacks a scope, is noticed before an
//! announcement is due.

use std::time::Duration;

use mgm_store::StoreError;
use tokio::time::Instant;

use super::{context::WorkerContext, worker::Worker};

/// How often.
const PERIOD: Duration = Duration::from_secs(3_600);
/// How soon when Twitch could not be asked, and how often to see whether it is time.
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

    /// A token that is not known to be good is told in the log, and is no failure of the worker.
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
