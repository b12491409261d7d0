//! Middleware: one body for every error.

use axum::{
    Extension, Json,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use mgm_api_types::ErrorBody;
use serde_json::{Map, json};

use super::context::{RequestContext, RequestId};
use crate::{
    http::error::{ApiError, LoggedTogether, Said},
    metrics,
};

/// Gives every error its body, including the framework's. A 5xx has the request's id, which is also in the log.
pub(crate) fn error_body(request: &Request) -> impl FnOnce(Response) -> Response + use<> {
    let id = request.extensions().get::<RequestContext>().map(|context| context.id.clone());
    move |response| rendered(id, response)
}

fn rendered(id: Option<RequestId>, response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let Said { code, message } = response.extensions().get::<Said>().cloned().unwrap_or_else(|| {
        let error = match status {
            StatusCode::NOT_FOUND => ApiError::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ApiError::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType,
            StatusCode::SERVICE_UNAVAILABLE => ApiError::Unavailable,
            _ if status.is_client_error() => ApiError::InvalidPayload("the request cannot be read".to_owned()),
            _ => ApiError::Internal,
        };
        Said { code: error.code(), message: error.to_string() }
    });
    metrics::refusals(code, "http").increment(1);
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
