//! What a client is told when something is not done, and how: one body for every error.

use axum::{
    Extension, Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mgm_api_types::{ErrorBody, ErrorCode};
use mgm_domain::Rejection;
use mgm_store::{CommandError, StoreError};
use serde_json::{Map, json};

use crate::{
    http::{
        layers::context::{RequestContext, RequestId},
        limits::Exceeded,
    },
    metrics,
    work::enroller::EnrolError,
};

/// An answer other than success.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The rules say no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The request is not of the documented shape.
    #[error("{0}")]
    InvalidPayload(String),
    /// No key, no token, no signature, or not a valid one.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The desktop key is not ours.
    #[error("the key is not valid")]
    ForbiddenApiKey,
    /// The token does not say who the viewer is.
    #[error("the viewer has not shared their identity with the Extension")]
    IdentityNotShared,
    /// The token, or the request, is of another channel.
    #[error("this is another broadcaster's channel")]
    WrongChannel,
    /// A notification too old or too new to be believed.
    #[error("the message is older or newer than 10 minutes")]
    StaleMessage,
    /// There is nothing at this address.
    #[error("there is nothing here")]
    NotFound,
    /// No candidate waits for verification.
    #[error("no candidate waits for verification")]
    NoCandidate,
    /// The address does not take this method.
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
    /// The database is away.
    #[error("the service cannot do this just now; try again")]
    Unavailable,
    /// Other bodies have the memory. Anybody can bring about many of these, so they have no line each in the log.
    #[error("there is no memory for the body just now; try again")]
    NoMemory,
    /// A defect. What it is stands in the log.
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

/// The code of a refusal, the same in bodies, logs and metrics.
pub(crate) const fn code_of(rejection: Rejection) -> ErrorCode {
    match rejection {
        Rejection::NotSubscriber => ErrorCode::NotSubscriber,
        Rejection::InvalidCharacterName => ErrorCode::InvalidCharacterName,
        Rejection::CharacterNameTakenInPool => ErrorCode::CharacterNameTakenInPool,
        Rejection::ActivePayoutExists => ErrorCode::ActivePayoutExists,
        Rejection::LifetimeCapReached => ErrorCode::LifetimeCapReached,
        Rejection::DuplicateEnrollment => ErrorCode::DuplicateEnrollment,
        Rejection::GiftAlreadyUsed => ErrorCode::GiftAlreadyUsed,
        Rejection::GiftRequestActive => ErrorCode::GiftRequestActive,
        Rejection::NotInPool => ErrorCode::NotInPool,
        Rejection::NotFound => ErrorCode::NotFound,
        Rejection::TerminalStatusChangeNotAllowed => ErrorCode::TerminalStatusChangeNotAllowed,
        Rejection::OutOfSequence => ErrorCode::OutOfSequence,
        Rejection::InvalidState => ErrorCode::InvalidState,
    }
}

/// The status that a code is answered with, on every route.
pub(crate) const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidPayload
        | ErrorCode::InvalidCharacterName
        | ErrorCode::OutOfSequence
        | ErrorCode::NotInPool => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized | ErrorCode::ForbiddenApikey | ErrorCode::IdentityNotShared => StatusCode::UNAUTHORIZED,
        ErrorCode::WrongChannel | ErrorCode::NotSubscriber | ErrorCode::StaleMessage => StatusCode::FORBIDDEN,
        ErrorCode::NotFound | ErrorCode::NoCandidate => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::CharacterNameTakenInPool
        | ErrorCode::ActivePayoutExists
        | ErrorCode::LifetimeCapReached
        | ErrorCode::DuplicateEnrollment
        | ErrorCode::GiftAlreadyUsed
        | ErrorCode::GiftRequestActive
        | ErrorCode::TerminalStatusChangeNotAllowed
        | ErrorCode::InvalidState => StatusCode::CONFLICT,
        ErrorCode::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::HelixUnavailable | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

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

/// An error on its way out; [`render`] makes its body.
#[derive(Debug, Clone)]
struct Rendered {
    code: ErrorCode,
    message: String,
}

/// Marks an answer that has no line of its own in the log: there is one for many of its kind.
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
        response.extensions_mut().insert(Rendered { code, message: self.to_string() });
        if matches!(self, Self::NoMemory) {
            response.extensions_mut().insert(LoggedTogether);
        }
        response
    }
}

/// Gives every error its body, those of the framework included. A 5xx carries the request's id, which is in the log.
pub(crate) fn render(request: &Request) -> impl FnOnce(Response) -> Response + use<> {
    let id = request.extensions().get::<RequestContext>().map(|context| context.id.clone());
    move |response| rendered(id, response)
}

fn rendered(id: Option<RequestId>, response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let Rendered { code, message } = response.extensions().get::<Rendered>().cloned().unwrap_or_else(|| {
        let error = match status {
            StatusCode::NOT_FOUND => ApiError::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ApiError::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType,
            StatusCode::SERVICE_UNAVAILABLE => ApiError::Unavailable,
            _ if status.is_client_error() => ApiError::InvalidPayload("the request cannot be read".to_owned()),
            _ => ApiError::Internal,
        };
        Rendered { code: error.code(), message: error.to_string() }
    });
    metrics::refused(code, "http").increment(1);
    let mut details = Map::new();
    if let Some(id) = id.filter(|_| status.is_server_error()) {
        details.insert("correlationId".to_owned(), json!(id.as_str()));
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    let body = Json(ErrorBody { code: code.as_str().to_owned(), message, details });
    let logged = parts.extensions.remove::<LoggedTogether>().map(Extension);
    (status, parts.headers, logged, body).into_response()
}
