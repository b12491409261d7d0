//! Helix' answers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

/// A status and a JSON body.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body }
    }

    /// Helix' error body: `{error, status, message}`.
    pub(super) fn error(status: StatusCode, message: &str) -> Self {
        let error = status.canonical_reason().unwrap_or("Error");
        Self { status, body: json!({"error": error, "status": status.as_u16(), "message": message}) }
    }

    /// The same with another status, if this is a success.
    pub(super) fn with_success(self, status: StatusCode) -> Self {
        if self.status.is_success() { Self { status, ..self } } else { self }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self.status {
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => {
                self.status.into_response()
            }
            status => (status, Json(self.body)).into_response(),
        }
    }
}
