//! Extractors for bodies, paths and queries that answer invalid input with our errors.

use axum::{
    extract::{FromRef, FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use mgm_api_types::json;
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use uuid::Uuid;

use super::{body::BodyBudget, error::ApiError};
use crate::text::printable;

/// The longest JSON body, in bytes.
const MAX_JSON: usize = 64 * 1024;
/// The longest explanation of what is wrong, in characters.
const MAX_EXPLANATION: usize = 300;

/// A JSON body. An array is not accepted in place of an object.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T>
where
    BodyBudget: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let body = BodyBudget::from_ref(state).read(request.into_body(), MAX_JSON).await?;
        match json::from_slice(&body.bytes) {
            Ok(body) => Ok(Self(body)),
            Err(error) => Err(ApiError::InvalidPayload(printable(&error.to_string(), MAX_EXPLANATION))),
        }
    }
}

/// `application/json`, or a type with the suffix `+json`; parameters do not matter.
fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// An id in the path; anything but a UUID is answered as not found.
#[derive(Debug, Clone, Copy)]
pub struct Id(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(id) = Path::<Uuid>::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound)?;
        Ok(Self(id))
    }
}

/// The query.
#[derive(Debug)]
pub struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parameters(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Parses a query. The type of a parameter describes its error in words that follow the parameter's name.
fn parameters<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = || form_urlencoded::parse(query.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs())).map_err(|error| {
        let name = error.path().to_string();
        let what = if pairs().any(|(other, _)| other == name) {
            format!("{name} {}", error.inner())
        } else {
            // No value is invalid, so a parameter occurs twice.
            let repeated = pairs().find(|(name, _)| pairs().filter(|(other, _)| other == name).count() > 1);
            repeated.map_or_else(|| error.inner().to_string(), |(name, _)| format!("{name} must be given once"))
        };
        ApiError::InvalidPayload(printable(&what, MAX_EXPLANATION))
    })
}
