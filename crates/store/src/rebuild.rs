//! Rebuilds the projections from the events, while backends are running.

use mgm_domain::{Gift, Payout};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Store, StoreError, compare::Compared, projection::Projected};

/// What a rebuild found, and what it could not repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Payouts and gift requests that were compared.
    pub streams: u64,
    /// Rows that were not the fold of their events.
    pub differed: Vec<Difference>,
    /// Those that still differ: their events cannot be read or cannot follow one another, so that nothing is written,
    /// or their rows conflict with each other.
    pub left: Vec<Difference>,
}

/// A row that is not the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The kind of the stream: `payout` or `gift`.
    pub kind: &'static str,
    /// The id of the stream.
    pub id: Uuid,
    /// The differences, one line each.
    pub what: Vec<String>,
}

impl Store {
    /// Compares every row with the fold of its events in one snapshot, rewrites those that differ, each under the locks
    /// of its commands, and compares again.
    pub async fn rebuild_projections(&self) -> Result<Rebuilt, StoreError> {
        let mut rebuilt = Rebuilt::default();
        self.rebuild_kind::<Payout>(&mut rebuilt).await?;
        self.rebuild_kind::<Gift>(&mut rebuilt).await?;
        Ok(rebuilt)
    }

    async fn rebuild_kind<A: Projected>(&self, rebuilt: &mut Rebuilt) -> Result<(), StoreError> {
        let (streams, differed) = self.differing::<A>().await?;
        // Rows without events are removed first: one may hold what another row needs.
        let (orphans, others): (Vec<_>, Vec<_>) = differed.iter().partition(|(_, is_orphan)| *is_orphan);
        for (difference, _) in orphans.into_iter().chain(others) {
            match self.rebuild::<A>(difference.id).await {
                Ok(()) => {}
                // The comparison at the end reports it.
                Err(
                    error
                    @ (StoreError::BadEvent { .. } | StoreError::ImpossibleEvent { .. } | StoreError::Conflict(_)),
                ) => {
                    tracing::warn!(%error, kind = A::KIND, id = %difference.id, "a row could not be rebuilt");
                }
                Err(error) => return Err(error),
            }
        }
        let left = if differed.is_empty() { vec![] } else { self.differing::<A>().await?.1 };
        rebuilt.streams += streams;
        rebuilt.differed.extend(differed.into_iter().map(|(one, _)| one));
        rebuilt.left.extend(left.into_iter().map(|(one, _)| one));
        Ok(())
    }

    /// The number of streams, and those whose row differs, each with whether it has no events.
    async fn differing<A: Projected>(&self) -> Result<(u64, Vec<(Difference, bool)>), StoreError> {
        self.snapshot("compare_projections", async |tx: &mut PgConnection| {
            let (mut streams, mut differing, mut after) = (0, vec![], Uuid::nil());
            loop {
                let page = self.compare_page::<A>(tx, after).await?;
                let Some(last) = page.last() else {
                    return Ok((streams, differing));
                };
                after = last.id;
                for Compared { id, events, stream, differences, .. } in page {
                    streams += 1;
                    let what = stream.err().map_or(differences, |error| vec![error.to_string()]);
                    if !what.is_empty() {
                        differing.push((Difference { kind: A::KIND, id, what }, events == 0));
                    }
                }
            }
        })
        .await
    }

    async fn rebuild<A: Projected>(&self, id: Uuid) -> Result<(), StoreError> {
        self.transaction("rebuild_projection", async |tx: &mut PgConnection| self.rebuild_row::<A>(tx, id).await).await
    }
}
