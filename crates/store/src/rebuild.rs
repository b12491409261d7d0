//! Rebuilding the projections from the events.

use mgm_domain::PayoutId;

use crate::{Store, StoreError, transaction::retrying};

/// What a rebuild found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Streams that were folded.
    pub streams: u64,
    /// Payouts whose row was not the fold of their events. It is now.
    pub differed: Vec<PayoutId>,
}

impl Store {
    /// Folds every payout's stream and writes its row, one short transaction each, beside a running backend.
    pub async fn rebuild_projections(&self) -> Result<Rebuilt, StoreError> {
        let mut rebuilt = Rebuilt::default();
        let mut after = uuid::Uuid::nil();
        loop {
            let ids = sqlx::query_scalar!(
                "SELECT stream_id FROM events
                 WHERE broadcaster_id = $1 AND kind = 'payout' AND version = 1 AND stream_id > $2
                 ORDER BY stream_id LIMIT 500",
                self.broadcaster.as_str(),
                after,
            )
            .fetch_all(&self.pool)
            .await?;
            let Some(last) = ids.last() else {
                return Ok(rebuilt);
            };
            after = *last;
            for id in ids.into_iter().map(PayoutId::from_uuid) {
                rebuilt.streams += 1;
                if self.rebuild(id).await? {
                    rebuilt.differed.push(id);
                }
            }
        }
    }

    async fn rebuild(&self, id: PayoutId) -> Result<bool, StoreError> {
        retrying("rebuild_projection", async || {
            let mut tx = self.begin().await?;
            let stream = self.load_stream(&mut tx, id).await?;
            if let Some(payout) = &stream.payout {
                self.lock_viewers(&mut tx, std::slice::from_ref(&payout.viewer)).await?;
            }
            // Read again: a command may have held the viewer's row.
            let stream = self.load_stream(&mut tx, id).await?;
            let differed = self.project(&mut tx, id, &stream).await?;
            tx.commit().await?;
            Ok(differed)
        })
        .await
    }
}
