//! Middleware: CORS for the panel. No cookies, and only the headers that it sends and reads.

use std::time::Duration;

use axum::http::{HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::context::REQUEST_ID;
use crate::{
    http::limits,
    trace::{TRACEPARENT, TRACESTATE},
};

/// Allows these origins.
pub(crate) fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, REQUEST_ID, TRACEPARENT, TRACESTATE])
        .expose_headers([REQUEST_ID].into_iter().chain(limits::HEADERS).collect::<Vec<_>>())
        .max_age(Duration::from_secs(3_600))
}
