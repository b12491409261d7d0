//! Event streams of payouts, and the projection written beside them.

use mgm_domain::{Payout, PayoutId, payout::Event};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{Store, StoreError, projection::ProjectedPayout};

/// A payout as the fold of its stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) payout: Option<Payout>,
    pub(crate) version: i32,
}

impl Store {
    /// Reads and folds a payout's stream. Empty when there is none.
    pub(crate) async fn load_stream(&self, tx: &mut PgConnection, id: PayoutId) -> Result<Stream, StoreError> {
        let rows = sqlx::query!(
            "SELECT version, event_type, schema_version, data FROM events
             WHERE broadcaster_id = $1 AND stream_id = $2 ORDER BY version",
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .fetch_all(tx)
        .await?;
        let mut stream = Stream::default();
        for row in rows {
            let event = Event::decode(&row.event_type, row.schema_version, &row.data)
                .map_err(|source| StoreError::BadEvent { stream: id.as_uuid(), version: row.version, source })?;
            stream.payout = Payout::apply(stream.payout.take(), &event);
            stream.version = row.version;
        }
        Ok(stream)
    }

    /// Appends events to a stream and writes the projection. Nothing to append changes nothing.
    pub(crate) async fn append(
        &self,
        tx: &mut PgConnection,
        id: PayoutId,
        mut stream: Stream,
        events: &[Event],
        at: OffsetDateTime,
    ) -> Result<Stream, StoreError> {
        for event in events {
            stream.version += 1;
            stream.payout = Payout::apply(stream.payout.take(), event);
            let (event_type, data) = event.encode();
            sqlx::query!(
                "INSERT INTO events
                     (broadcaster_id, stream_id, version, kind, event_type, schema_version, data, recorded_at)
                 VALUES ($1, $2, $3, 'payout', $4, $5, $6, $7)",
                self.broadcaster.as_str(),
                id.as_uuid(),
                stream.version,
                event_type,
                Event::VERSION,
                data,
                at,
            )
            .execute(&mut *tx)
            .await?;
        }
        if !events.is_empty()
            && let Some(row) = ProjectedPayout::of(id, &stream)?
        {
            self.write_row(tx, &row).await?;
        }
        Ok(stream)
    }

    /// Writes a payout's row.
    pub(crate) async fn write_row(&self, tx: &mut PgConnection, row: &ProjectedPayout) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO payouts (broadcaster_id, payout_id, version, viewer_id, display_name, character_name, gold,
                                  enrollment_request_id, status, announced, created_at, accepted_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (broadcaster_id, payout_id) DO UPDATE
             SET version = EXCLUDED.version, viewer_id = EXCLUDED.viewer_id, display_name = EXCLUDED.display_name,
                 character_name = EXCLUDED.character_name, gold = EXCLUDED.gold,
                 enrollment_request_id = EXCLUDED.enrollment_request_id, status = EXCLUDED.status,
                 announced = EXCLUDED.announced, created_at = EXCLUDED.created_at, accepted_at = EXCLUDED.accepted_at",
            self.broadcaster.as_str(),
            row.payout_id,
            row.version,
            row.viewer_id,
            row.display_name,
            row.character_name,
            row.gold,
            row.enrollment_request_id,
            row.status,
            row.announced,
            row.created_at,
            row.accepted_at,
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
