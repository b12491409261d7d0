//! The stable error codes: the code of each refusal, and the status of each code.

use axum::http::StatusCode;
use mgm_api_types::ErrorCode;
use mgm_domain::Rejection;

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

/// The status of a code, on every route.
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
