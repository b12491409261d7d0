//! Reading bodies in bounded memory.

use axum::body::Body;
use mgm_service::{
    body::{self, BodyError, Buffered},
    memory::Budget,
};

use crate::error::ApiError;

/// The memory for bodies, which the heads of requests share.
#[derive(Debug)]
pub struct BodyBudget(Budget);

impl Default for BodyBudget {
    fn default() -> Self {
        Self(Budget::new(body::BUDGET))
    }
}

impl BodyBudget {
    /// Reads a body of at most `limit` bytes: 413 when it is longer, 503 when others have the memory.
    pub async fn read(&self, body: Body, limit: usize) -> Result<Buffered, ApiError> {
        body::read(body, limit, &self.0).await.map_err(|error| match error {
            BodyError::TooLong => ApiError::PayloadTooLarge,
            BodyError::NoMemory => ApiError::Unavailable,
            BodyError::Incomplete => ApiError::InvalidPayload(error.to_string()),
        })
    }

    /// The budget itself.
    #[must_use]
    pub fn memory(&self) -> Budget {
        self.0.clone()
    }
}
