//! The answers that several routes give.

use http::StatusCode;
use serde_json::json;

use crate::call::Answer;
use crate::world::token_store::{Pair, USER_SECONDS};

pub(super) fn refused(message: &str) -> Answer {
    Answer::refused(StatusCode::BAD_REQUEST, message)
}

/// The answer that issues a user's tokens.
pub(super) fn users(Pair { access, refresh, scopes }: Pair) -> Answer {
    Answer::ok(json!({
        "access_token": access,
        "expires_in": USER_SECONDS,
        "refresh_token": refresh,
        "scope": scopes,
        "token_type": "bearer",
    }))
}
