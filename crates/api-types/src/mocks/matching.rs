//! Which messages are meant: the one form of it in filters, assertions and faults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::verdict::{MessageKind, Verdict};

/// Which messages are meant: those that fit everything that is given. A filter in a query has the same names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestMatch {
    /// Requests that came in, the default, or deliveries that went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// The HTTP method, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path; with `*` at the end, its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The HTTP status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The client: the header `Client-Id`, or the parameter `client_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The token, which is only compared and never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The fingerprint of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_fingerprint: Option<String>,
    /// The header `Twitch-Eventsub-Message-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_type: Option<String>,
    /// Headers with these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Only later messages than the one of this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// A part of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// Values in the JSON body, by their JSON pointers (RFC 6901).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, Value>,
}

/// `POST /requests/verify`: what is expected of the requests that fit the filter in the query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Whether the expectations are met one after the other. Default `true`.
    #[serde(default = "yes")]
    pub ordered: bool,
    /// The expectations.
    pub expect: Vec<Expectation>,
}

const fn yes() -> bool {
    true
}

/// How many requests of a sort are expected: at least one, unless a count is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// Which requests.
    #[serde(rename = "match")]
    pub wanted: RequestMatch,
    /// Exactly this many; 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// At least this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
}

/// The answer of `POST /requests/verify`; if something was not as expected, in the `details` of a 409.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verified {
    /// The expectations, a line each.
    pub expected: Vec<String>,
    /// The requests, a line each; only the last ones if there are many.
    pub actual: Vec<String>,
    /// What was not as expected.
    pub difference: Vec<String>,
}
