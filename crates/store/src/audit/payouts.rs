//! Checks payouts: the fold of their events, what viewers received, and the cycles that they came from.

use mgm_domain::{CycleId, EnrollmentRequestId, Gold, Payout};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Audit;
use crate::{Store, StoreError};

impl Store {
    /// Checks that every stream can be read, that its events may follow one another, and that every row is the fold of
    /// its events.
    pub(super) async fn audit_payouts(&self, tx: &mut PgConnection, audit: &mut Audit) -> Result<(), StoreError> {
        let mut after = Uuid::nil();
        loop {
            let page = self.compare_page::<Payout>(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            audit.payouts += u64::try_from(page.len()).unwrap_or_default();
            self.audit_obligations(tx, audit, &page).await?;
            audit.projection(page);
        }
        self.audit_viewers(tx, audit).await
    }

    /// Checks that nobody has more than the lifetime cap, or two active payouts.
    async fn audit_viewers(&self, tx: &mut PgConnection, audit: &mut Audit) -> Result<(), StoreError> {
        let cap = i64::from(Gold::LIFETIME_CAP.amount());
        let over = sqlx::query!(
            r#"SELECT viewer_id, sum(gold) FILTER (WHERE status = 'Sent') AS "received",
                      count(*) FILTER (WHERE status IN ('Pending', 'InProgress')) AS "active!"
               FROM payouts WHERE broadcaster_id = $1 GROUP BY viewer_id
               HAVING sum(gold) FILTER (WHERE status = 'Sent') > $2
                   OR count(*) FILTER (WHERE status IN ('Pending', 'InProgress')) > 1"#,
            self.broadcaster.as_str(),
            cap,
        )
        .fetch_all(tx)
        .await?;
        for row in over {
            let received = row.received.unwrap_or_default();
            if received > cap {
                let detail = format!("{received} gold were sent, the cap is {cap}");
                audit.find("lifetime_cap_exceeded", &row.viewer_id, detail);
            }
            if row.active > 1 {
                audit.find("several_active_payouts", &row.viewer_id, format!("{} payouts are active", row.active));
            }
        }
        Ok(())
    }

    /// Checks that each cycle with a winner has that winner's payout, and that each payout of a drawn cycle is that
    /// cycle's.
    pub(super) async fn audit_cycles(&self, tx: &mut PgConnection, audit: &mut Audit) -> Result<(), StoreError> {
        let cycles = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM roulette_cycles WHERE broadcaster_id = $1"#,
            self.broadcaster.as_str(),
        );
        audit.cycles = cycles.fetch_one(&mut *tx).await?.unsigned_abs();
        let winners = sqlx::query!(
            r#"SELECT cycle.cycle_id, cycle.candidate_viewer_id, cycle.payout_id AS "payout_id!",
                      payout.viewer_id AS "viewer_id?", payout.enrollment_request_id AS "enrollment_request_id?"
               FROM roulette_cycles AS cycle
               LEFT JOIN payouts AS payout
                   ON payout.broadcaster_id = cycle.broadcaster_id AND payout.payout_id = cycle.payout_id
               WHERE cycle.broadcaster_id = $1 AND cycle.payout_id IS NOT NULL"#,
            self.broadcaster.as_str(),
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in winners {
            let cycle = CycleId::from_uuid(row.cycle_id);
            let request = EnrollmentRequestId::of_spin(cycle);
            if row.viewer_id.is_none() {
                audit.find("cycle_without_its_payout", &cycle, format!("there is no payout {}", row.payout_id));
            } else if row.viewer_id != row.candidate_viewer_id
                || row.enrollment_request_id.as_deref() != Some(request.as_str())
            {
                let detail = format!("the payout {} is of another viewer or another cycle", row.payout_id);
                audit.find("cycle_with_a_strange_payout", &cycle, detail);
            }
        }
        let strays = sqlx::query!(
            r#"SELECT payout.payout_id, cycle.cycle_id
               FROM payouts AS payout
               JOIN roulette_cycles AS cycle ON cycle.broadcaster_id = payout.broadcaster_id
                   AND payout.enrollment_request_id = 'spin:' || replace(cycle.cycle_id::text, '-', '')
               WHERE payout.broadcaster_id = $1 AND cycle.payout_id IS DISTINCT FROM payout.payout_id"#,
            self.broadcaster.as_str(),
        )
        .fetch_all(tx)
        .await?;
        for row in strays {
            let detail = format!("it was awarded for the cycle {}, which does not know it", row.cycle_id);
            audit.find("payout_of_a_strange_cycle", &row.payout_id, detail);
        }
        Ok(())
    }
}
