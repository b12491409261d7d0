//! Streams as stored, for export.

use mgm_domain::{Gift, GiftId, Payout, PayoutId, stream::Aggregate as _};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError};

/// An event as stored. It is not decoded, so that even events that this program cannot read are exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its place in the stream, from 1.
    pub version: i32,
    /// Its type.
    pub event_type: String,
    /// The version of the data's schema.
    pub schema_version: i16,
    /// When it happened, by our clock.
    pub recorded_at: OffsetDateTime,
    /// The event's data, as JSON.
    pub data: Value,
}

impl Store {
    /// A payout's events in order; empty if there is no such payout.
    pub async fn payout_history(&self, id: PayoutId) -> Result<Vec<RecordedEvent>, StoreError> {
        self.history(Payout::KIND, id.as_uuid()).await
    }

    /// A gift request's events in order; empty if there is no such request.
    pub async fn gift_history(&self, id: GiftId) -> Result<Vec<RecordedEvent>, StoreError> {
        self.history(Gift::KIND, id.as_uuid()).await
    }

    async fn history(&self, kind: &str, stream: Uuid) -> Result<Vec<RecordedEvent>, StoreError> {
        let events = sqlx::query_as!(
            RecordedEvent,
            "SELECT version, event_type, schema_version, recorded_at, data FROM events
             WHERE broadcaster_id = $1 AND stream_id = $2 AND kind = $3 ORDER BY version",
            self.broadcaster.as_str(),
            stream,
            kind,
        );
        Ok(events.fetch_all(&self.pool).await?)
    }
}
