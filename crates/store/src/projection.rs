//! The projection of payouts: the rows that follow from the events, beside the rows that are there.

use std::collections::BTreeMap;

use mgm_domain::{
    PayoutId,
    payout::{Event, Payout, may_be_next},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError, streams::Stream};

/// Streams that are looked at together.
const PAGE: i64 = 500;

/// A row of `payouts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProjectedPayout {
    pub(crate) payout_id: Uuid,
    pub(crate) version: i32,
    pub(crate) viewer_id: String,
    pub(crate) display_name: String,
    pub(crate) character_name: String,
    pub(crate) gold: i32,
    pub(crate) enrollment_request_id: String,
    pub(crate) status: String,
    pub(crate) announced: bool,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) accepted_at: Option<OffsetDateTime>,
}

/// A payout as its events and as its row have it.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) id: PayoutId,
    pub(crate) events: u64,
    /// The fold of its events, or why there is none.
    pub(crate) stream: Result<Stream, StoreError>,
    /// Events that cannot have followed what was before them, by version.
    pub(crate) impossible: Vec<(i32, String)>,
    pub(crate) row: Option<ProjectedPayout>,
    /// What the row has otherwise than the fold; empty when they are equal.
    pub(crate) differences: Vec<String>,
}

impl ProjectedPayout {
    /// The row that follows from a stream; none from an empty one.
    pub(crate) fn of(id: PayoutId, stream: &Stream) -> Result<Option<Self>, StoreError> {
        let Some(payout) = &stream.payout else {
            return Ok(None);
        };
        let gold = i32::try_from(payout.gold.amount()).map_err(|error| StoreError::BadRow {
            table: "payouts",
            column: "gold",
            key: id.to_string(),
            reason: error.to_string(),
        })?;
        Ok(Some(Self {
            payout_id: id.as_uuid(),
            version: stream.version,
            viewer_id: payout.viewer.to_string(),
            display_name: payout.display_name.clone(),
            character_name: payout.character_name.to_string(),
            gold,
            enrollment_request_id: payout.enrollment_request_id.to_string(),
            status: payout.status.to_string(),
            announced: payout.is_announced(),
            created_at: payout.created_at,
            accepted_at: payout.accepted_at,
        }))
    }

    fn columns(&self) -> [(&'static str, String); 10] {
        [
            ("version", self.version.to_string()),
            ("viewer_id", self.viewer_id.clone()),
            ("display_name", self.display_name.clone()),
            ("character_name", self.character_name.clone()),
            ("gold", self.gold.to_string()),
            ("enrollment_request_id", self.enrollment_request_id.clone()),
            ("status", self.status.clone()),
            ("announced", self.announced.to_string()),
            ("created_at", self.created_at.to_string()),
            ("accepted_at", self.accepted_at.map_or_else(|| "null".to_owned(), |at| at.to_string())),
        ]
    }
}

fn differences(expected: Option<&ProjectedPayout>, found: Option<&ProjectedPayout>) -> Vec<String> {
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

impl Store {
    /// The next payouts after this id, folded and compared; empty at the end. In one transaction with one snapshot, what
    /// other processes write in the meantime is either wholly seen or not at all.
    pub(crate) async fn compare_page(&self, tx: &mut PgConnection, after: Uuid) -> Result<Vec<Compared>, StoreError> {
        let ids = sqlx::query_scalar!(
            r#"(SELECT DISTINCT stream_id AS "id!" FROM events
                WHERE broadcaster_id = $1 AND kind = 'payout' AND stream_id > $2 ORDER BY stream_id LIMIT $3)
               UNION
               (SELECT payout_id FROM payouts WHERE broadcaster_id = $1 AND payout_id > $2 ORDER BY payout_id LIMIT $3)
               ORDER BY 1 LIMIT $3"#,
            self.broadcaster.as_str(),
            after,
            PAGE,
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut compared: BTreeMap<Uuid, Compared> =
            ids.iter().map(|id| (*id, Compared::empty(PayoutId::from_uuid(*id)))).collect();
        let events = sqlx::query!(
            "SELECT stream_id, version, event_type, schema_version, data FROM events
             WHERE broadcaster_id = $1 AND kind = 'payout' AND stream_id = ANY ($2) ORDER BY stream_id, version",
            self.broadcaster.as_str(),
            &ids,
        )
        .fetch_all(&mut *tx)
        .await?;
        for event in events {
            if let Some(compared) = compared.get_mut(&event.stream_id) {
                compared.fold(event.version, &event.event_type, event.schema_version, &event.data);
            }
        }
        let rows = sqlx::query_as!(
            ProjectedPayout,
            "SELECT payout_id, version, viewer_id, display_name, character_name, gold, enrollment_request_id, status,
                    announced, created_at, accepted_at
             FROM payouts WHERE broadcaster_id = $1 AND payout_id = ANY ($2)",
            self.broadcaster.as_str(),
            &ids,
        )
        .fetch_all(tx)
        .await?;
        for row in rows {
            if let Some(compared) = compared.get_mut(&row.payout_id) {
                compared.row = Some(row);
            }
        }
        compared.into_values().map(Compared::with_differences).collect()
    }
}

impl Compared {
    fn empty(id: PayoutId) -> Self {
        Self { id, events: 0, stream: Ok(Stream::default()), impossible: vec![], row: None, differences: vec![] }
    }

    fn fold(&mut self, version: i32, event_type: &str, schema_version: i16, data: &serde_json::Value) {
        self.events += 1;
        let Ok(stream) = &mut self.stream else {
            return;
        };
        match Event::decode(event_type, schema_version, data) {
            Ok(event) => {
                if !may_be_next(stream.payout.as_ref(), &event) {
                    self.impossible.push((version, event_type.to_owned()));
                }
                stream.payout = Payout::apply(stream.payout.take(), &event);
                stream.version = version;
            }
            Err(source) => {
                self.stream = Err(StoreError::BadEvent { stream: self.id.as_uuid(), version, source });
            }
        }
    }

    /// What cannot be folded is not compared.
    fn with_differences(mut self) -> Result<Self, StoreError> {
        if let Ok(stream) = &self.stream {
            let expected = ProjectedPayout::of(self.id, stream)?;
            self.differences = differences(expected.as_ref(), self.row.as_ref());
        }
        Ok(self)
    }
}
