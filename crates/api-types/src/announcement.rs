use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

crate::names! {
    /// Where an announcement stands.
    AnnouncementState {
        /// Owed; tried when it is due.
        Pending = "pending",
        /// Being sent.
        Sending = "sending",
        /// Said.
        Announced = "announced",
        /// Twitch took it and did not show it.
        Dropped = "dropped",
        /// It may have been said; the operator resolves it.
        Unknown = "unknown",
        /// Not said, and not tried again by itself.
        Failed = "failed",
    }
}

/// An announcement, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "payoutId": "01890a5d-ac96-774b-bcce-b302099a8057", "message": "Награда отправлена персонажу Etoehero на почту, проверяй ящик!",
    "state": "pending", "attempts": 1, "detail": "Twitch answered 503", "nextAttemptAt": "2026-01-02T03:09:53.250Z",
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
    /// Why the last attempt that ended did not announce; of one that is announced, how that is known where Twitch did not
    /// simply say so.
    #[schema(required)]
    pub detail: Option<String>,
    /// When it is tried next; null unless it is pending.
    #[serde(with = "crate::timestamp::option")]
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<OffsetDateTime>,
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
