use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

crate::names! {
    /// The state of an announcement.
    AnnouncementState {
        /// Owed, and attempted when it is due.
        Pending = "pending",
        /// Being sent.
        Sending = "sending",
        /// Made: the line is in chat.
        Announced = "announced",
        /// Twitch accepted it and did not show it.
        Dropped = "dropped",
        /// It may have been made; the operator resolves it.
        Unknown = "unknown",
        /// Not made, and not retried automatically.
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
    /// The payout that is announced.
    pub payout_id: Uuid,
    /// The text for chat.
    pub message: String,
    /// Its state.
    pub state: AnnouncementState,
    /// The number of calls started so far.
    pub attempts: u32,
    /// Why the last finished attempt did not announce; for an announced one, how the outcome is known, unless Twitch simply
    /// reported it.
    #[schema(required)]
    pub detail: Option<String>,
    /// When it is attempted next, by the backend's clock; null unless it is pending.
    #[serde(with = "crate::timestamp::option")]
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<OffsetDateTime>,
    /// When it became owed, by the backend's clock.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: OffsetDateTime,
    /// When it last changed, by the backend's clock.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: OffsetDateTime,
}

/// The operator has looked into the chat whether an unknown announcement was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"announced": true}))]
pub struct ResolveAnnouncement {
    /// Whether it was made.
    pub announced: bool,
}
