//! Reading bodies in bounded memory.

use axum::body::Body;
use mgm_service::{
    body::{self, BodyError, Buffered},
    memory::Budget,
    report::Report,
};

/// The memory for bodies, which the heads of requests share.
#[derive(Debug)]
pub struct BodyBudget {
    memory: Budget,
    refused: Report,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self { memory: Budget::new(body::BUDGET), refused: Report::default() }
    }
}

impl BodyBudget {
    /// Reads a body of at most `limit` bytes.
    pub async fn read(&self, body: Body, limit: usize) -> Result<Buffered, BodyError> {
        body::read(body, limit, &self.memory).await.inspect_err(|error| {
            if matches!(error, BodyError::NoMemory)
                && let Some(refused) = self.refused.due()
            {
                tracing::warn!(refused, "no memory for bodies; the longest stalled are answered with 503");
            }
        })
    }

    /// The budget itself.
    #[must_use]
    pub fn memory(&self) -> Budget {
        self.memory.clone()
    }
}
