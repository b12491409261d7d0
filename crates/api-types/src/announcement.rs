use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

crate::names! {
    /// Where an announcement stands.
    #[serde(rename_all = "camelCase")]
    AnnouncementState {
        /// Owed; tried when it is due.
        Pending,
        /// Being sent.
        Sending,
        /// Said.
        Announced,
        /// Twitch took it and did not show it.
        Dropped,
        /// It may have been said; the operator resolves it.
        Unknown,
        /// Not said, and not tried again by itself.
        Failed,
    }
}

/// An announcement, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "payoutId": "01890a5d-ac96-774b-bcce-b302099a8057", "message": "Награда отправлена персонажу Etoehero на почту, проверяй ящик!",
    "state": "unknown", "attempts": 1, "detail": "no complete answer: connection reset",
    "createdAt": "2026-01-02T03:09:41.250Z", "updatedAt": "2026-01-02T03:09:51.250Z",
}))]
pub struct Announcement {
    /// Whose.
    pub payout_id: Uuid,
    /// What is to be said.
    pub message: String,
    /// Where it stands.
    pub state: AnnouncementState,
    /// Calls begun so far.
    pub attempts: u32,
    /// Why the last attempt did not announce.
    #[schema(required)]
    pub detail: Option<String>,
    /// When it became owed.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: OffsetDateTime,
}

/// The operator has looked whether an unknown announcement was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"announced": true}))]
pub struct ResolveAnnouncement {
    /// Whether it was.
    pub announced: bool,
}
