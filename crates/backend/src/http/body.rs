//! Reading bodies in bounded memory.

use axum::body::Body;
use mgm_service::{
    body::{self, BodyError, Buffered},
    memory::Budget,
    report::Report,
};

use crate::http::error::ApiError;

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
    /// Reads a body of at most `limit` bytes: 413 when it is longer, 503 when others have the memory.
    pub async fn read(&self, body: Body, limit: usize) -> Result<Buffered, ApiError> {
        body::read(body, limit, &self.memory).await.map_err(|error| match error {
            BodyError::TooLong => ApiError::PayloadTooLarge,
            BodyError::NoMemory => {
                if let Some(refused) = self.refused.due() {
                    tracing::warn!(refused, "no memory for bodies; the longest stalled are answered with 503");
                }
                ApiError::NoMemory
            }
            BodyError::Incomplete => ApiError::InvalidPayload(error.to_string()),
        })
    }

    /// The budget itself.
    #[must_use]
    pub fn memory(&self) -> Budget {
        self.memory.clone()
    }
}
