//! Errors of the stand-ins, in the shape of all errors.

use std::borrow::Cow;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use mgm_api_types::{ErrorBody, json};
use serde::de::DeserializeOwned;
use serde_json::Map;

/// An answer that is an error.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 400: body or query are not what the route reads.
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_payload", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ErrorBody { code: self.code.to_owned(), message: self.message.into_owned(), details: Map::new() };
        (self.status, Json(body)).into_response()
    }
}

/// Reads a JSON body whose objects are objects, whatever its `Content-Type` says.
pub(crate) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))
}
