//! Checks gift requests: the fold of their events, the queue, and pending verifications.

use mgm_domain::Gift;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Audit;
use crate::{Store, StoreError};

impl Store {
    /// Checks that every stream can be read, that every row is its fold, that nobody waits while no request is being
    /// served, and that exactly the unverified requests are due for verification.
    pub(super) async fn audit_gifts(&self, tx: &mut PgConnection, audit: &mut Audit) -> Result<(), StoreError> {
        let mut after = Uuid::nil();
        loop {
            let page = self.compare_page::<Gift>(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            audit.gifts += u64::try_from(page.len()).unwrap_or_default();
            audit.projection(page);
        }
        let waiting = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM gift_requests
               WHERE broadcaster_id = $1 AND state = 'Pending' AND NOT EXISTS (
                   SELECT FROM gift_requests
                   WHERE broadcaster_id = $1 AND state IN ('SelectingItem', 'WaitingConfirmation'))"#,
            self.broadcaster.as_str(),
        )
        .fetch_one(&mut *tx)
        .await?;
        if waiting > 0 {
            let detail = format!("{waiting} gift requests wait and none is being served");
            audit.find("gift_queue_idle", &self.broadcaster, detail);
        }
        let strays = sqlx::query!(
            r#"SELECT coalesce(gift.gift_id, verification.gift_id) AS "id!", gift.state AS "state?"
               FROM (SELECT * FROM gift_requests WHERE broadcaster_id = $1) AS gift
               FULL JOIN (SELECT * FROM gift_verifications WHERE broadcaster_id = $1) AS verification
                   ON verification.gift_id = gift.gift_id
               WHERE (gift.state IS NOT DISTINCT FROM 'Unverified') <> (verification.gift_id IS NOT NULL)"#,
            self.broadcaster.as_str(),
        )
        .fetch_all(tx)
        .await?;
        for row in strays {
            match row.state.as_deref() {
                Some("Unverified") => audit.find("verification_missing", &row.id, "nobody asks Twitch about it"),
                Some(state) => audit.find("verification_stray", &row.id, format!("it is {state} already")),
                None => audit.find("verification_stray", &row.id, "there is no such gift request"),
            }
        }
        Ok(())
    }
}
