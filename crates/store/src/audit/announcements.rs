//! Checks announcements: each payout that was sent has exactly one, in the state that the payout's events give.

use std::collections::HashMap;
use std::time::Duration;

use mgm_domain::{
    Payout,
    announcement::{self, AnnouncementState},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Audit;
use crate::{Store, StoreError, compare::Compared};

/// How soon after a lease expires some process should have noticed. Longer than a worker pauses after failures.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);

impl Store {
    /// Checks that the outbox holds what each payout's events say it owes.
    pub(super) async fn audit_obligations(
        &self,
        tx: &mut PgConnection,
        audit: &mut Audit,
        page: &[Compared<Payout>],
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = page.iter().map(|compared| compared.id).collect();
        let rows = sqlx::query!(
            "SELECT payout_id, message, state
             FROM unnest($2::uuid[]) AS asked (id),
                  LATERAL (SELECT * FROM announcements WHERE broadcaster_id = $1 AND payout_id = asked.id LIMIT 1) AS row",
            self.broadcaster.as_str(),
            &ids,
        )
        .fetch_all(tx)
        .await?;
        let mut owed: HashMap<Uuid, (String, String)> =
            rows.into_iter().map(|row| (row.payout_id, (row.state, row.message))).collect();
        for Compared { id, stream, .. } in page {
            let Ok(stream) = stream else { continue };
            let expected = stream.state.as_ref().and_then(|payout| Some((payout, payout.announcement()?)));
            match (expected, owed.remove(id)) {
                (None, None) => {}
                (Some(_), None) => audit.find("announcement_missing", id, "the payout is Sent, and nothing is owed"),
                (None, Some((state, _))) => {
                    let detail = format!("it is {state}, and the payout is not Sent");
                    audit.find("announcement_without_sent_payout", id, detail);
                }
                (Some((payout, expected)), Some((state, message))) => {
                    // That a process is sending it is not an event.
                    let found = if state == AnnouncementState::Sending.as_str() {
                        AnnouncementState::Pending.as_str()
                    } else {
                        &state
                    };
                    if found != expected.as_str() {
                        let detail = format!("it is {state}, by the events it should be {expected}");
                        audit.find("announcement_differs", id, detail);
                    }
                    if message != announcement::text(&payout.character_name) {
                        audit.find("announcement_differs", id, "it has another text than the payout's character gets");
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks that every announcement belongs to a payout that exists, and that none is held by a process that is gone.
    pub(super) async fn audit_announcements(
        &self,
        tx: &mut PgConnection,
        audit: &mut Audit,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let announcements = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM announcements WHERE broadcaster_id = $1"#,
            self.broadcaster.as_str(),
        );
        audit.announcements = announcements.fetch_one(&mut *tx).await?.unsigned_abs();
        let strays = sqlx::query!(
            "SELECT payout_id, state FROM announcements
             WHERE broadcaster_id = $1
               AND NOT EXISTS (SELECT FROM events WHERE events.broadcaster_id = $1 AND stream_id = payout_id)
               AND NOT EXISTS (SELECT FROM payouts
                               WHERE payouts.broadcaster_id = $1 AND payouts.payout_id = announcements.payout_id)",
            self.broadcaster.as_str(),
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in strays {
            let detail = format!("it is {}, and there is no such payout", row.state);
            audit.find("announcement_without_sent_payout", &row.payout_id, detail);
        }
        let held = sqlx::query!(
            "SELECT payout_id, due_at FROM announcements
             WHERE broadcaster_id = $1 AND state = 'sending' AND due_at < $2",
            self.broadcaster.as_str(),
            now - NOTICED_WITHIN,
        )
        .fetch_all(tx)
        .await?;
        for row in held {
            let detail = format!("its lease ran out at {}, and no backend has noticed; is one running?", row.due_at);
            audit.find("announcement_past_its_lease", &row.payout_id, detail);
        }
        Ok(())
    }
}
