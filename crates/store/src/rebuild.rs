//! Rebuilding the projections from the events, beside running backends.

use mgm_domain::PayoutId;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    pool::viewer_id,
    projection::{Compared, ProjectedPayout},
    transaction::retrying,
};

/// What a rebuild found and left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Payouts that were compared, by their events and their rows.
    pub payouts: u64,
    /// Rows that were not the fold of their events.
    pub differed: Vec<Difference>,
    /// Those of them that still are not: events that cannot be read, or rows that stand in each other's way.
    pub left: Vec<Difference>,
}

/// A row that is not the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose.
    pub payout: PayoutId,
    /// In what, one line each.
    pub what: Vec<String>,
}

impl Store {
    /// Compares every payout's row with the fold of its events in one snapshot, writes those that differ anew, each under
    /// the lock of its viewer, and compares again.
    pub async fn rebuild_projections(&self) -> Result<Rebuilt, StoreError> {
        let (payouts, differed) = self.differing().await?;
        // Rows without events go first: one may hold what another row needs.
        let (orphans, others): (Vec<_>, Vec<_>) = differed.iter().partition(|(_, is_orphan)| *is_orphan);
        for (difference, _) in orphans.into_iter().chain(others) {
            match self.rebuild(difference.payout).await {
                Ok(()) => {}
                // The comparison at the end says so.
                Err(error @ (StoreError::BadEvent { .. } | StoreError::Conflict(_))) => {
                    tracing::warn!(%error, payout = %difference.payout, "a row could not be rebuilt");
                }
                Err(error) => return Err(error),
            }
        }
        let left = if differed.is_empty() { vec![] } else { self.differing().await?.1 };
        let differences = |differing: Vec<(Difference, bool)>| differing.into_iter().map(|(one, _)| one).collect();
        Ok(Rebuilt { payouts, differed: differences(differed), left: differences(left) })
    }

    /// How many payouts there are, and those whose row differs, with whether it has no events.
    async fn differing(&self) -> Result<(u64, Vec<(Difference, bool)>), StoreError> {
        let mut tx = self.begin_snapshot().await?;
        let (mut payouts, mut differing, mut after) = (0, vec![], Uuid::nil());
        loop {
            let page = self.compare_page(&mut tx, after).await?;
            let Some(last) = page.last() else {
                return Ok((payouts, differing));
            };
            after = last.id.as_uuid();
            for Compared { id, events, stream, differences, .. } in page {
                payouts += 1;
                let what = stream.err().map_or(differences, |error| vec![error.to_string()]);
                if !what.is_empty() {
                    differing.push((Difference { payout: id, what }, events == 0));
                }
            }
        }
    }

    async fn rebuild(&self, id: PayoutId) -> Result<(), StoreError> {
        retrying("rebuild_projection", async || {
            let mut tx = self.begin().await?;
            let mut viewers = Vec::new();
            if let Some(payout) = self.load_stream(&mut tx, id).await?.payout {
                viewers.push(payout.viewer);
            }
            if let Some(viewer) = self.viewer_of(&mut tx, id).await? {
                viewers.push(viewer_id("payouts", &viewer)?);
            }
            self.lock_viewers(&mut tx, &viewers).await?;
            // Read again: a command may have held the viewer's row.
            let stream = self.load_stream(&mut tx, id).await?;
            match ProjectedPayout::of(id, &stream)? {
                Some(row) => self.write_row(&mut tx, &row).await?,
                None => {
                    sqlx::query!(
                        "DELETE FROM payouts WHERE broadcaster_id = $1 AND payout_id = $2",
                        self.broadcaster.as_str(),
                        id.as_uuid(),
                    )
                    .execute(&mut *tx)
                    .await?;
                }
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }
}
