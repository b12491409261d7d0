//! What faults need to know of the party that a stand-in replaces.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{Method, StatusCode};
use mgm_api_types::mocks::{DropReason, FaultRoute};
use serde_json::json;

use crate::error::Refusal;

/// The party that a stand-in replaces.
pub(crate) trait Party: Send + Sync + 'static {
    /// The route of a fault that names none and has no `match`; `None`: all routes, and none has a name.
    fn default_route(&self) -> Option<FaultRoute> {
        None
    }

    /// Whether an address is that route.
    fn is_on(&self, _route: FaultRoute, _method: &Method, _path: &str) -> bool {
        false
    }

    /// Whether the caller may call at all: others do not use up faults.
    fn admits(&self, _head: &Parts) -> bool {
        true
    }

    /// An error in the words of the party.
    fn refuse(&self, _path: &str, status: StatusCode, message: &'static str) -> Response {
        let code = if status == StatusCode::TOO_MANY_REQUESTS { "rate_limited" } else { "injected_fault" };
        Refusal::new(status, code, message).into_response()
    }

    /// The answer that says that the request was accepted but not carried out.
    fn not_done(&self, _head: &Parts, _reason: &DropReason) -> Response {
        Json(json!({})).into_response()
    }
}

/// A party without rules or words of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common;

impl Party for Common {}
