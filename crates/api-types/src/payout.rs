use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

crate::names! {
    /// The status of a payout.
    PayoutStatus {
        /// Awarded.
        Pending = "Pending",
        /// The desktop program is working on it.
        InProgress = "InProgress",
        /// The mail is sent. Terminal.
        Sent = "Sent",
        /// It could not be delivered. Terminal.
        Failed = "Failed",
        /// It was cancelled. Terminal.
        Cancelled = "Cancelled",
        /// Nobody completed it in time. Terminal.
        Expired = "Expired",
    }
}

/// A payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "01890a5d-ac96-774b-bcce-b302099a8057", "twitchUserId": "141981764", "twitchDisplayName": "Eto_Viewer",
    "characterName": "etoehero", "inGameName": "Etoehero", "goldAmount": 1000,
    "enrollmentRequestId": "spin:5f0f3a1f6b0e4a539a0f0f9c1a527c8e", "status": "Pending", "createdAt": "2026-01-02T03:09:20.000Z", "isRewardSentAnnouncedToChat": false,
}))]
pub struct Payout {
    /// Its id.
    pub id: Uuid,
    /// The winner.
    pub twitch_user_id: String,
    /// The winner's display name at the draw.
    pub twitch_display_name: String,
    /// The character that gets the gold, as the viewer typed it.
    pub character_name: String,
    /// The same name in the game's spelling: the first letter in upper case, the rest in lower case.
    pub in_game_name: String,
    /// The amount, in whole gold.
    pub gold_amount: u32,
    /// `spin:` and the cycle's 32 hex digits.
    pub enrollment_request_id: String,
    /// Its status.
    pub status: PayoutStatus,
    /// When it was awarded, by the backend's clock.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: OffsetDateTime,
    /// Whether the announcement is known to be in chat.
    pub is_reward_sent_announced_to_chat: bool,
}

/// The desktop program asks for a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"status": "InProgress"}))]
pub struct ChangePayoutStatus {
    /// The requested status.
    pub status: PayoutStatus,
}

/// The winner accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"characterName": "Etoehero"}))]
pub struct ConfirmAcceptance {
    /// The character name that accepted; case does not matter.
    pub character_name: String,
}

/// An enrolment through the panel; the request and the answer have the same shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"characterName": "Etoehero", "enrollmentRequestId": "panel-2f1b7c"}))]
pub struct Claim {
    /// The character that is to receive the gold.
    pub character_name: String,
    /// The panel's id of the request; a repeat with the same id gets the same answer.
    pub enrollment_request_id: String,
}
