//! Event streams, and the projections written beside them.

use mgm_domain::stream::StreamEvent;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    projection::{Projected, Row as _},
};

/// A stream and its fold.
#[derive(Debug)]
pub(crate) struct Stream<A> {
    pub(crate) id: Uuid,
    pub(crate) state: Option<A>,
    pub(crate) version: i32,
}

impl<A> Stream<A> {
    /// A stream without events.
    pub(crate) const fn empty(id: Uuid) -> Self {
        Self { id, state: None, version: 0 }
    }
}

impl<A: Projected> Stream<A> {
    /// Folds in one more event.
    pub(crate) fn take(&mut self, version: i32, event: &A::Event) -> Result<(), StoreError> {
        let impossible = |source| StoreError::ImpossibleEvent { stream: self.id, version, source };
        A::apply(&mut self.state, event).map_err(impossible)?;
        self.version = version;
        Ok(())
    }

    /// Decodes a stored event and folds it in.
    pub(crate) fn read(
        &mut self,
        version: i32,
        event_type: &str,
        schema_version: i16,
        data: &Value,
    ) -> Result<(), StoreError> {
        let event = A::Event::decode(event_type, schema_version, data).map_err(|source| StoreError::BadEvent {
            stream: self.id,
            version,
            source,
        })?;
        self.take(version, &event)
    }

    /// The row that follows from the state; `None` for an empty stream.
    pub(crate) fn row(&self) -> Result<Option<A::Row>, StoreError> {
        self.state.as_ref().map(|state| state.row(self.id, self.version)).transpose()
    }
}

impl Store {
    /// Reads and folds a stream. Empty if there is none; an error if an event cannot be read, or cannot follow those
    /// before it.
    pub(crate) async fn load_stream<A: Projected>(
        &self,
        tx: &mut PgConnection,
        id: Uuid,
    ) -> Result<Stream<A>, StoreError> {
        let rows = sqlx::query!(
            "SELECT version, event_type, schema_version, data FROM events
             WHERE broadcaster_id = $1 AND stream_id = $2 ORDER BY version",
            self.broadcaster.as_str(),
            id,
        )
        .fetch_all(tx)
        .await?;
        let mut stream = Stream::empty(id);
        for row in rows {
            stream.read(row.version, &row.event_type, row.schema_version, &row.data)?;
        }
        Ok(stream)
    }

    /// Appends events to a stream and writes the projection. Without events nothing changes.
    pub(crate) async fn append<A: Projected>(
        &self,
        tx: &mut PgConnection,
        mut stream: Stream<A>,
        events: &[A::Event],
        at: OffsetDateTime,
    ) -> Result<Stream<A>, StoreError> {
        for event in events {
            stream.take(stream.version + 1, event)?;
            let (event_type, data) = event.encode();
            sqlx::query!(
                "INSERT INTO events
                     (broadcaster_id, stream_id, version, kind, event_type, schema_version, data, recorded_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                self.broadcaster.as_str(),
                stream.id,
                stream.version,
                A::KIND,
                event_type,
                A::Event::VERSION,
                data,
                at,
            )
            .execute(&mut *tx)
            .await?;
        }
        if !events.is_empty()
            && let Some(row) = stream.row()?
        {
            row.write(self, tx).await?;
        }
        Ok(stream)
    }
}
