//! The journal of a stand-in: what it received, what it sent, and what became of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::faults::FaultKind;
use super::verdict::{MessageKind, Verdict};

/// `GET /requests` of every stand-in: the requests it received, except those to its own inspection and control routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// The number of requests since the start or the last reset, which may be more than are kept.
    pub total: u64,
    /// The last of them that fit the filter, oldest first.
    pub requests: Vec<JournalEntry>,
}

/// One message of the journal. Secrets are not shown; a fingerprint tells one from another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// Its number, which grows and is never used again.
    pub number: u64,
    /// Whether it came in or went out.
    pub kind: MessageKind,
    /// When it was received or sent, by the machine's clock.
    #[serde(with = "crate::timestamp")]
    pub received_at: OffsetDateTime,
    /// The time until its answer, in milliseconds; null while there is none.
    #[schema(required)]
    pub duration_ms: Option<f64>,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as sent, without the question mark.
    #[schema(required)]
    pub query: Option<String>,
    /// The header `x-request-id`, or a generated one if there was none.
    #[schema(required)]
    pub request_id: Option<String>,
    /// The header `traceparent`.
    #[schema(required)]
    pub traceparent: Option<String>,
    /// The header `tracestate`.
    #[schema(required)]
    pub tracestate: Option<String>,
    /// All headers.
    pub headers: BTreeMap<String, String>,
    /// The client: the header `Client-Id`, or the parameter `client_id`.
    #[schema(required)]
    pub client_id: Option<String>,
    /// The fingerprint of the token: of the header `Authorization`, or of the parameter `token` or `refresh_token`.
    #[schema(required)]
    pub token_fingerprint: Option<String>,
    /// The body: JSON, or the fields of a form as a text, of at most 64 KiB.
    #[schema(required)]
    pub body: Option<Value>,
    /// The length of the body, in bytes.
    pub body_size: u64,
    /// What became of it.
    pub verdict: Verdict,
    /// The fault that was injected.
    #[schema(required)]
    pub fault: Option<FaultKind>,
    /// The HTTP status of the answer; null while there is none, or if the connection was cut instead.
    #[schema(required)]
    pub status: Option<u16>,
    /// The headers of the answer.
    pub answer_headers: BTreeMap<String, String>,
    /// The body of the answer: JSON or text of at most 64 KiB.
    #[schema(required)]
    pub answer_body: Option<Value>,
}
