//! Maps failures of the store, the enroller and chat to answers.

use mgm_store::{CommandError, StoreError};

use crate::{chat::ChatError, http::error::ApiError, work::enroller::EnrolError};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            tracing::warn!(%error, "the store is not available");
            Self::Unavailable
        } else {
            tracing::error!(%error, "the store failed");
            Self::Internal
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Rejected(rejection) => Self::Rejected(rejection),
            CommandError::Failed(error) => error.into(),
        }
    }
}

impl From<EnrolError> for ApiError {
    fn from(error: EnrolError) -> Self {
        match error {
            EnrolError::Unavailable => Self::Unavailable,
            EnrolError::Failed => Self::Internal,
        }
    }
}

impl From<ChatError> for ApiError {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Enrol(error) => error.into(),
            ChatError::Store(error) => error.into(),
        }
    }
}
