//! `GET /openapi/v1.json`, and what all operations share in it.

pub(super) mod errors;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use errors::errors;
use mgm_api_types::ErrorBody;
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

/// Mimiron's Gold-o-Matic
#[derive(OpenApi)]
#[openapi(
    info(description = "The Extension backend service: viewers enrol, the roulette draws, the desktop program pays out.\n\n\
        Times are RFC 3339 in UTC. Names of values are matched without regard to case on input. Fields that are not known \
        are tolerated, and more may appear in answers. No array passes for an object.\n\n\
        A character's name has 2 to 12 letters, Latin or Cyrillic. Letters that were typed in parts are composed (Unicode's form \
        NFC), and invisible characters and white space around the name left out, before that is looked at.\n\n\
        Limits, a minute each unless configured otherwise: 5 writes and 300 reads a viewer; 60 a network address, counting \
        requests that are answered 401 or 403 and those to the routes that are open to anybody. Beyond that the answer is \
        429 with `Retry-After` and the `RateLimit` fields. Requests with the desktop key, `/health` and Twitch's \
        notifications are not limited."),
    servers((url = "/", description = "The service that serves this document")),
    tags(
        (name = "viewer", description = "For the panel, with a Twitch Extension token"),
        (name = "desktop", description = "For the streamer's desktop program"),
        (name = "operator", description = "For whoever runs the service, with the desktop program's key"),
        (name = "twitch", description = "For Twitch"),
        (name = "open", description = "For anybody"),
        (name = "health", description = "For the orchestrator that runs the service"),
        (name = "harness", description = "For tests; served only in Development, and where it is turned on"),
    ),
    paths(document),
    components(schemas(ErrorBody)),
    modifiers(&SecuritySchemes),
)]
pub(super) struct Document;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = |name, description| {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, description)))
        };
        components.add_security_scheme("desktop", key("X-MGM-ApiKey", "The desktop program's key."));
        let signature = "HMAC-SHA256 of message id, timestamp and body under the secret of the subscription: `sha256=` and \
                         lower-case hex, as https://dev.twitch.tv/docs/eventsub/handling-webhook-events/ has it.";
        components.add_security_scheme("eventsub", key("Twitch-Eventsub-Message-Signature", signature));
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "A Twitch Extension token: HS256, with `exp`; the viewer is `user_id`, else `sub`. Outside of Development it \
                 has to name its channel, in `channel_id`. \
                 https://dev.twitch.tv/docs/extensions/reference/#jwt-schema",
            ))
            .build();
        components.add_security_scheme("viewer", SecurityScheme::Http(token));
    }
}

/// The path of the document.
pub(super) const PATH: &str = "/openapi/v1.json";

/// The document as JSON.
#[derive(Debug, Clone)]
pub(super) struct Rendered(Bytes);

/// Renders the document, adding the headers that requests and answers of all operations have.
pub(super) fn render(document: &utoipa::openapi::OpenApi) -> Rendered {
    let mut document = serde_json::to_value(document).expect("names and texts of ours can be written as JSON");
    let header = |description, schema| json!({"description": description, "required": true, "schema": schema});
    let text = |example| json!({"type": "string", "examples": [example]});
    let number = |example| json!({"type": "integer", "minimum": 0, "examples": [example]});
    let components = &mut document["components"];
    components["parameters"] = json!({"RequestId": {
        "name": "X-Request-Id", "in": "header", "required": false, "schema": text("panel-7f3a"),
        "description": "The caller's name for the request: 1 to 64 ASCII letters, digits, `.`, `_`, `-`. Another is not used.",
    }});
    components["headers"] = json!({
        "X-Request-Id": header("The request's name, the caller's or one of ours; it is in the log.", text("panel-7f3a")),
        "WWW-Authenticate": header("How one authenticates.", text("Bearer")),
        "Retry-After": header("When to come again, in seconds.", number(12)),
        "RateLimit": header("draft-ietf-httpapi-ratelimit-headers-10.", text("\"viewer-writes\";r=0;t=12")),
        "RateLimit-Policy": header("The same draft.", text("\"viewer-writes\";q=5;w=60")),
        "RateLimit-Limit": header("Requests a minute.", number(5)),
        "RateLimit-Remaining": header("Requests left.", number(0)),
        "RateLimit-Reset": header("When there are more, in seconds.", number(12)),
    });
    let operations = document["paths"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
    for operation in operations.flat_map(|item| item.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut))
    {
        let parameters =
            operation.as_object_mut().map(|members| members.entry("parameters").or_insert_with(|| json!([])));
        if let Some(Value::Array(parameters)) = parameters {
            parameters.push(json!({"$ref": "#/components/parameters/RequestId"}));
        }
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            for name in headers(status) {
                response["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
            }
        }
    }
    Rendered(document.to_string().into())
}

/// The headers of all answers with this status.
fn headers(status: &str) -> &'static [&'static str] {
    match status {
        "401" => &["X-Request-Id", "WWW-Authenticate"],
        "429" => &[
            "X-Request-Id",
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
        ],
        _ => &["X-Request-Id"],
    }
}

errors! { Errors: ; RateLimited }

/// This document.
#[utoipa::path(
    get, path = PATH, tag = "open",
    responses((status = 200, description = "OpenAPI 3.1", body = Object, example = json!({"openapi": "3.1.0"})), Errors),
)]
pub(super) async fn document(State(Rendered(document)): State<Rendered>) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], document).into_response()
}
