//! The audit: checks every invariant between the rows of the database, in one snapshot.

mod announcements;
mod gifts;
mod payouts;
mod pool;

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{Store, StoreError, compare::Compared, projection::Projected};

/// What an audit checked and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Events of all kinds of streams.
    pub events: u64,
    /// Payouts that have events or a row.
    pub payouts: u64,
    /// Gift requests that have events or a row.
    pub gifts: u64,
    /// Announcements.
    pub announcements: u64,
    /// Members of the pool.
    pub members: u64,
    /// Drawn cycles.
    pub cycles: u64,
    /// Broken invariants; empty if there are none.
    pub findings: Vec<Finding>,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The stable name of the rule that is broken.
    pub code: &'static str,
    /// The stream, payout, viewer, cycle or bucket that breaks it.
    pub subject: String,
    /// What was found, in words.
    pub detail: String,
}

impl Audit {
    fn find(&mut self, code: &'static str, subject: &impl ToString, detail: impl Into<String>) {
        self.findings.push(Finding { code, subject: subject.to_string(), detail: detail.into() });
    }

    fn projection<A: Projected>(&mut self, page: Vec<Compared<A>>) {
        for compared in page {
            if let Err(error) = &compared.stream {
                let is_impossible = matches!(error, StoreError::ImpossibleEvent { .. });
                let code = if is_impossible { "event_impossible" } else { "event_unreadable" };
                self.find(code, &compared.id, error.to_string());
            }
            for difference in compared.differences {
                self.find("projection_differs", &compared.id, difference);
            }
        }
    }
}

impl Store {
    /// Checks everything of the broadcaster. Reads one snapshot and takes no locks, so it can run beside serving
    /// backends.
    pub async fn audit(&self, now: OffsetDateTime) -> Result<Audit, StoreError> {
        self.snapshot("audit", async |tx: &mut PgConnection| {
            let mut audit = Audit::default();
            self.audit_streams(tx, &mut audit).await?;
            self.audit_payouts(tx, &mut audit).await?;
            self.audit_announcements(tx, &mut audit, now).await?;
            self.audit_cycles(tx, &mut audit).await?;
            self.audit_gifts(tx, &mut audit).await?;
            self.audit_pool(tx, &mut audit).await?;
            audit.findings.sort();
            Ok(audit)
        })
        .await
    }

    /// Checks that all streams have versions from 1 without gaps, and are of one kind each.
    async fn audit_streams(&self, tx: &mut PgConnection, audit: &mut Audit) -> Result<(), StoreError> {
        let events = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM events WHERE broadcaster_id = $1"#,
            self.broadcaster.as_str(),
        );
        audit.events = events.fetch_one(&mut *tx).await?.unsigned_abs();
        let broken = sqlx::query!(
            r#"SELECT stream_id, count(*) AS "count!", min(version) AS "first!", max(version) AS "last!",
                      string_agg(DISTINCT kind, ', ') AS "kinds!", count(DISTINCT kind) AS "kind_count!"
               FROM events WHERE broadcaster_id = $1 GROUP BY stream_id
               HAVING min(version) <> 1 OR max(version) <> count(*) OR count(DISTINCT kind) > 1"#,
            self.broadcaster.as_str(),
        )
        .fetch_all(tx)
        .await?;
        for row in broken {
            if row.first != 1 || i64::from(row.last) != row.count {
                let detail = format!("{} events have the versions {} to {}", row.count, row.first, row.last);
                audit.find("stream_gap", &row.stream_id, detail);
            }
            if row.kind_count > 1 {
                audit.find("stream_of_two_kinds", &row.stream_id, format!("events of the kinds {}", row.kinds));
            }
        }
        Ok(())
    }
}
