//! Errors as clients see them: one body for all of them.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mgm_api_types::ErrorCode;
use mgm_domain::Rejection;
use mgm_service::body::BodyError;

use super::{
    codes::{code_of, status_of},
    limits::Exceeded,
};

/// An error answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The rules say no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The request does not match the documented schema.
    #[error("{0}")]
    InvalidPayload(String),
    /// The key, token or signature is missing or not valid.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The desktop key is not one of ours.
    #[error("the key is not valid")]
    ForbiddenApiKey,
    /// The token does not say who the viewer is.
    #[error("the viewer has not shared their identity with the Extension")]
    IdentityNotShared,
    /// The token or the request belongs to another channel.
    #[error("this is another broadcaster's channel")]
    WrongChannel,
    /// A notification that is too old or too new to be accepted.
    #[error("the message is older or newer than 10 minutes")]
    StaleMessage,
    /// No route has this path.
    #[error("there is nothing here")]
    NotFound,
    /// No candidate waits for verification.
    #[error("no candidate waits for verification")]
    NoCandidate,
    /// No route of this path has this method.
    #[error("this address does not take this method")]
    MethodNotAllowed,
    /// The body is too long.
    #[error("the body is too long")]
    PayloadTooLarge,
    /// The body is not declared to be JSON.
    #[error("the body must be application/json")]
    UnsupportedMediaType,
    /// Too many requests.
    #[error("too many requests")]
    RateLimited(Exceeded),
    /// Helix cannot say whether the viewer subscribes.
    #[error("Twitch cannot be asked for the subscription just now; try again")]
    HelixUnavailable,
    /// The database is unavailable.
    #[error("the service cannot do this just now; try again")]
    Unavailable,
    /// Other bodies use all the memory. Anybody can cause many of these, so they have no line each in the log.
    #[error("there is no memory for the body just now; try again")]
    NoMemory,
    /// A defect; the details are in the log.
    #[error("something went wrong on our side")]
    Internal,
}

impl ApiError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Rejected(rejection) => code_of(*rejection),
            Self::InvalidPayload(_) => ErrorCode::InvalidPayload,
            Self::Unauthorized(_) => ErrorCode::Unauthorized,
            Self::ForbiddenApiKey => ErrorCode::ForbiddenApikey,
            Self::IdentityNotShared => ErrorCode::IdentityNotShared,
            Self::WrongChannel => ErrorCode::WrongChannel,
            Self::StaleMessage => ErrorCode::StaleMessage,
            Self::NotFound => ErrorCode::NotFound,
            Self::NoCandidate => ErrorCode::NoCandidate,
            Self::MethodNotAllowed => ErrorCode::MethodNotAllowed,
            Self::PayloadTooLarge => ErrorCode::PayloadTooLarge,
            Self::UnsupportedMediaType => ErrorCode::UnsupportedMediaType,
            Self::RateLimited(_) => ErrorCode::RateLimited,
            Self::HelixUnavailable => ErrorCode::HelixUnavailable,
            Self::Unavailable | Self::NoMemory => ErrorCode::Unavailable,
            Self::Internal => ErrorCode::InternalError,
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLong => Self::PayloadTooLarge,
            BodyError::NoMemory => Self::NoMemory,
            BodyError::Incomplete => Self::InvalidPayload(error.to_string()),
        }
    }
}

/// An error on its way out; the layer `error_body` makes its body.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

/// Marks an answer that gets no line of its own in the log: one line stands for many of its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoggedTogether;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.code();
        let status = status_of(code);
        let mut response = status.into_response();
        if let Self::RateLimited(exceeded) = &self {
            exceeded.set_headers(response.headers_mut());
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Said { code, message: self.to_string() });
        if matches!(self, Self::NoMemory) {
            response.extensions_mut().insert(LoggedTogether);
        }
        response
    }
}
