use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The body of every error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong, stable and for programs.
    #[schema(example = "invalid_payload")]
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// More about it; empty for most codes. 5xx carries `correlationId`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}
