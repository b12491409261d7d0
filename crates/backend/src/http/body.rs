//! Reads bodies in bounded memory.

use std::sync::Arc;

use axum::body::Body;
use mgm_service::{
    body::{self, BodyError, Buffered},
    log_throttle::LogThrottle,
    memory::Budget,
};

/// The memory for bodies, shared with the heads of requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BodyBudget {
    memory: Budget,
    refused: Arc<LogThrottle>,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self { memory: Budget::new(body::BUDGET), refused: Arc::default() }
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

    /// The underlying memory budget.
    #[must_use]
    pub fn memory(&self) -> Budget {
        self.memory.clone()
    }
}
