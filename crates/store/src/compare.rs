//! Compares rows with the fold of their events.

use std::collections::BTreeMap;

use mgm_domain::ViewerId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    error::Origin,
    projection::{Projected, Row},
    streams::Stream,
};

/// Streams compared together.
const PAGE: usize = 500;

/// A stream's events and its row.
#[derive(Debug)]
pub(crate) struct Compared<A: Projected> {
    pub(crate) id: Uuid,
    pub(crate) events: u64,
    /// The fold of its events, or why they cannot be folded.
    pub(crate) stream: Result<Stream<A>, StoreError>,
    /// How the row differs from the fold; empty if they are equal.
    pub(crate) differences: Vec<String>,
}

impl Store {
    /// Folds and compares the next streams after this id; empty at the end. Within one snapshot, concurrent writes of
    /// other processes are seen either completely or not at all.
    pub(crate) async fn compare_page<A: Projected>(
        &self,
        tx: &mut PgConnection,
        after: Uuid,
    ) -> Result<Vec<Compared<A>>, StoreError> {
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let mut ids = sqlx::query_scalar!(
            "SELECT DISTINCT stream_id FROM events
             WHERE broadcaster_id = $1 AND kind = $2 AND stream_id > $3 ORDER BY stream_id LIMIT $4",
            self.broadcaster.as_str(),
            A::KIND,
            after,
            limit,
        )
        .fetch_all(&mut *tx)
        .await?;
        ids.extend(A::Row::ids(self, tx, after, limit).await?);
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(PAGE);
        let mut compared: BTreeMap<Uuid, Compared<A>> = ids.iter().map(|id| (*id, Compared::empty(*id))).collect();
        let events = sqlx::query!(
            "SELECT stream_id, version, event_type, schema_version, data
             FROM unnest($3::uuid[]) AS asked (id),
                  LATERAL (SELECT * FROM events
                           WHERE broadcaster_id = $1 AND kind = $2 AND stream_id = asked.id ORDER BY version) AS event",
            self.broadcaster.as_str(),
            A::KIND,
            &ids,
        )
        .fetch_all(&mut *tx)
        .await?;
        for event in events {
            if let Some(compared) = compared.get_mut(&event.stream_id) {
                compared.fold(event.version, &event.event_type, event.schema_version, &event.data);
            }
        }
        let rows = A::Row::read(self, tx, &ids).await?;
        let mut rows: BTreeMap<Uuid, A::Row> = rows.into_iter().map(|row| (row.id(), row)).collect();
        compared.into_values().map(|compared| compared.with_differences(&mut rows)).collect()
    }

    /// Rewrites the row of a stream, under the locks that its commands take.
    pub(crate) async fn rebuild_row<A: Projected>(&self, tx: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
        let expected = self.load_stream::<A>(tx, id).await?.row()?;
        let found = A::Row::read(self, tx, &[id]).await?;
        let viewers = expected.iter().chain(&found).map(|row| ViewerId::parse(row.viewer()));
        let viewers = Origin::row(A::Row::TABLE, id).column("viewer_id", viewers.collect::<Result<Vec<_>, _>>())?;
        A::lock(self, tx, &viewers).await?;
        // Read again, since a command may have held the lock.
        match self.load_stream::<A>(tx, id).await?.row()? {
            Some(row) => row.write(self, tx).await,
            None => A::Row::remove(self, tx, id).await,
        }
    }
}

impl<A: Projected> Compared<A> {
    fn empty(id: Uuid) -> Self {
        Self { id, events: 0, stream: Ok(Stream::empty(id)), differences: vec![] }
    }

    fn fold(&mut self, version: i32, event_type: &str, schema_version: i16, data: &serde_json::Value) {
        self.events += 1;
        let Ok(stream) = &mut self.stream else {
            return;
        };
        if let Err(error) = stream.read(version, event_type, schema_version, data) {
            self.stream = Err(error);
        }
    }

    /// A stream that cannot be folded is not compared.
    fn with_differences(mut self, rows: &mut BTreeMap<Uuid, A::Row>) -> Result<Self, StoreError> {
        let found = rows.remove(&self.id);
        if let Ok(stream) = &self.stream {
            self.differences = differences(stream.row()?.as_ref(), found.as_ref());
        }
        Ok(self)
    }
}

fn differences<R: Row>(expected: Option<&R>, found: Option<&R>) -> Vec<String> {
    match (expected, found) {
        (None, None) => vec![],
        (Some(_), None) => vec!["there are events, but no row".to_owned()],
        (None, Some(_)) => vec!["there is a row, but no events".to_owned()],
        (Some(expected), Some(found)) => expected
            .columns()
            .into_iter()
            .zip(found.columns())
            .filter(|(expected, found)| expected != found)
            .map(|((column, expected), (_, found))| {
                format!("{column} is {found}, by the events it should be {expected}")
            })
            .collect(),
    }
}
