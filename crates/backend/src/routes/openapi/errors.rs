//! The errors of an operation in the document: all its codes, by status.

use std::collections::BTreeMap;

use mgm_api_types::ErrorCode;
use serde_json::{Value, json};
use utoipa::openapi::{
    AllOfBuilder, ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, example::ExampleBuilder,
    schema::Type,
};

use crate::http::codes::status_of;

/// The errors of routes that need the desktop key; refusals count against the address.
pub(in crate::routes) const DESKTOP: &[ErrorCode] =
    &[ErrorCode::Unauthorized, ErrorCode::ForbiddenApikey, ErrorCode::RateLimited];
/// The errors of routes that need a token of this channel.
pub(in crate::routes) const PANEL: &[ErrorCode] =
    &[ErrorCode::Unauthorized, ErrorCode::WrongChannel, ErrorCode::RateLimited];
/// The same, for a token that must also identify the viewer.
pub(in crate::routes) const VIEWER: &[ErrorCode] =
    &[ErrorCode::Unauthorized, ErrorCode::IdentityNotShared, ErrorCode::WrongChannel, ErrorCode::RateLimited];
/// The errors of a JSON body with a documented schema.
pub(in crate::routes) const BODY: &[ErrorCode] =
    &[ErrorCode::InvalidPayload, ErrorCode::PayloadTooLarge, ErrorCode::UnsupportedMediaType];
/// The errors of every operation.
const ANY: &[ErrorCode] = &[ErrorCode::InternalError, ErrorCode::Unavailable];

/// Declares the errors of an operation, for use in its `responses`: groups of codes, and codes of its own.
macro_rules! errors {
    ($name:ident: $($group:ident),* $(; $($code:ident),* $(,)?)?) => {
        struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::response::Response>,
            > {
                $crate::routes::openapi::errors::responses(&[
                    $($crate::routes::openapi::errors::$group,)*
                    &[$($(mgm_api_types::ErrorCode::$code),*)?],
                ])
            }
        }
    };
}
pub(in crate::routes) use errors;

/// One response per status.
pub(in crate::routes) fn responses(groups: &[&[ErrorCode]]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status = BTreeMap::<String, Vec<ErrorCode>>::new();
    for code in groups.iter().chain([&ANY]).copied().flatten() {
        by_status.entry(status_of(*code).as_str().to_owned()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status, RefOr::T(response(&codes)))).collect()
}

fn response(codes: &[ErrorCode]) -> Response {
    let meanings: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.meaning())).collect();
    let names = codes.iter().map(|code| code.as_str());
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("ErrorBody"))
        .item(ObjectBuilder::new().property("code", code).required("code"));
    let examples = codes.iter().map(|code| (code.as_str(), ExampleBuilder::new().value(Some(example(*code)))));
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples);
    ResponseBuilder::new().description(meanings.join("\n\n")).content("application/json", content.build()).build()
}

fn example(code: ErrorCode) -> Value {
    let details = if status_of(code).is_server_error() {
        json!({"correlationId": "0f9c1a52-7c8e-4a53-9a0f-5f0f3a1f6b0e"})
    } else {
        json!({})
    };
    json!({"code": code.as_str(), "message": code.meaning(), "details": details})
}
