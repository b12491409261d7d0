use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Asks the harness to award a payout to this member of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"twitchUserId": "e2e-viewer-1"}))]
pub struct PreparePendingPayout {
    /// The viewer's Twitch user id.
    pub twitch_user_id: String,
}

/// What the harness awarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"payoutId": "01890a5d-ac96-774b-bcce-b302099a8057", "characterName": "Etoehero"}))]
pub struct PreparedPayout {
    /// The payout, `Pending`.
    pub payout_id: Uuid,
    /// The character it is for.
    pub character_name: String,
}
