use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A viewer's place in the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"isEnrolled": true, "characterName": "Etoehero"}))]
pub struct PoolMembership {
    /// Whether the viewer is in the pool.
    pub is_enrolled: bool,
    /// The character name with which they take part.
    #[schema(required)]
    pub character_name: Option<String>,
}
