//! Answers in Twitch's formats.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// A status and a JSON body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body }
    }

    /// 200 with the rows in `data`, as Helix sends lists.
    pub(crate) fn data(rows: Vec<Value>) -> Self {
        Self::ok(Value::Object(Map::from_iter([("data".to_owned(), rows.into())])))
    }

    /// 204.
    pub(crate) fn done() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Value::Null }
    }

    /// Helix' error body: `{error, status, message}`.
    pub(crate) fn error(status: StatusCode, message: &str) -> Self {
        let error = status.canonical_reason().unwrap_or("Error");
        Self { status, body: json!({"error": error, "status": status.as_u16(), "message": message}) }
    }

    /// The token service's error body, which has no `error`: `{status, message}`.
    pub(crate) fn refused(status: StatusCode, message: &str) -> Self {
        Self { status, body: json!({"status": status.as_u16(), "message": message}) }
    }
}

pub(crate) fn bad_request(message: &str) -> Answer {
    Answer::error(StatusCode::BAD_REQUEST, message)
}

pub(crate) fn unauthorized(message: &str) -> Answer {
    Answer::error(StatusCode::UNAUTHORIZED, message)
}

pub(crate) fn forbidden(message: &str) -> Answer {
    Answer::error(StatusCode::FORBIDDEN, message)
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self.status {
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => {
                self.status.into_response()
            }
            status if self.body.is_null() => status.into_response(),
            status => (status, Json(self.body)).into_response(),
        }
    }
}
