//! Processed chat messages, so that a redelivered one is not processed again.

use mgm_domain::MessageId;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{Store, StoreError, transaction::retrying};

impl Store {
    /// Records a chat message; returns whether it is new.
    pub(crate) async fn note_message(
        &self,
        tx: &mut PgConnection,
        message: &MessageId,
        at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let noted = sqlx::query!(
            "INSERT INTO chat_inbox (broadcaster_id, message_id, received_at) VALUES ($1, $2, $3)
             ON CONFLICT (broadcaster_id, message_id) DO NOTHING",
            self.broadcaster.as_str(),
            message.as_str(),
            at,
        )
        .execute(tx)
        .await?;
        Ok(noted.rows_affected() > 0)
    }

    /// Forgets chat messages received before this time; returns how many.
    pub async fn prune_inbox(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        retrying("prune_inbox", async || {
            let pruned = sqlx::query!(
                "DELETE FROM chat_inbox WHERE broadcaster_id = $1 AND received_at < $2",
                self.broadcaster.as_str(),
                before,
            )
            .execute(&self.pool)
            .await?;
            Ok(pruned.rows_affected())
        })
        .await
    }
}
