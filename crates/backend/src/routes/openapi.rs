//! `GET /openapi/v1.json`, and what every operation has in common in it.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use mgm_api_types::ErrorBody;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Ref, RefOr, ResponseBuilder,
        content::ContentBuilder,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::state::AppState;

/// Mimiron's Gold-o-Matic
///
/// The Extension backend service: viewers enrol, the roulette draws, the desktop program pays out.
#[derive(OpenApi)]
#[openapi(components(schemas(ErrorBody)), modifiers(&SecuritySchemes))]
pub(super) struct Document;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = ApiKeyValue::with_description("X-MGM-ApiKey", "The desktop program's key.");
        components.add_security_scheme("desktop", SecurityScheme::ApiKey(ApiKey::Header(key)));
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A Twitch Extension token."))
            .build();
        components.add_security_scheme("viewer", SecurityScheme::Http(token));
    }
}

/// What any operation may answer beside what is said of it: 404, 405, 413, 415 and 5xx have the same body.
pub(super) fn add_default_response(document: &mut utoipa::openapi::OpenApi) {
    let schema = RefOr::Ref(Ref::from_schema_name("ErrorBody"));
    let response = ResponseBuilder::new()
        .description(
            "Any other error: `method_not_allowed`, `payload_too_large`, `unsupported_media_type`, `internal_error`",
        )
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
        .build();
    let items = document.paths.paths.values_mut();
    for operation in items.flat_map(|item| [&mut item.get, &mut item.post, &mut item.patch]).flatten() {
        operation.responses.responses.insert("default".to_owned(), RefOr::T(response.clone()));
    }
}

/// This document.
#[utoipa::path(
    get, path = "/openapi/v1.json", tag = "open",
    responses(
        (status = 200, description = "OpenAPI 3.1", body = Object),
        (status = 429, description = "`rate_limited`", body = ErrorBody),
    ),
)]
pub(super) async fn document(State(state): State<AppState>) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], state.openapi.clone()).into_response()
}
