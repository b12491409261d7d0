//! The rows of `gift_requests`.

use mgm_domain::{Gift, ViewerId, gift::FailureReason};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Projected, Row, or_null};
use crate::{Store, StoreError, error::Origin};

/// A row of `gift_requests`.
#[derive(Debug, Clone)]
pub(crate) struct GiftRow {
    pub(crate) gift_id: Uuid,
    pub(crate) version: i32,
    pub(crate) viewer_id: String,
    pub(crate) display_name: String,
    pub(crate) character_name: String,
    pub(crate) state: String,
    pub(crate) selected_item: Option<Value>,
    pub(crate) timeout_at: Option<OffsetDateTime>,
    pub(crate) failure_reason: Option<String>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
    /// Its place in the queue, from 1, if the query computed it; 0 if it is in none. Not a column.
    pub(crate) position: i64,
}

impl Projected for Gift {
    type Row = GiftRow;

    fn row(&self, id: Uuid, version: i32) -> Result<GiftRow, StoreError> {
        let item = self.state.item().map(|item| serde_json::to_value(item.as_item())).transpose();
        let selected_item = Origin::row(GiftRow::TABLE, id).column("selected_item", item)?;
        Ok(GiftRow {
            gift_id: id,
            version,
            viewer_id: self.viewer.to_string(),
            display_name: self.display_name.clone(),
            character_name: self.character_name.to_string(),
            state: self.state.status().as_str().to_owned(),
            selected_item,
            timeout_at: self.state.timeout_at(),
            failure_reason: self.state.failure_reason().map(FailureReason::as_str).map(str::to_owned),
            created_at: self.created_at,
            updated_at: self.updated_at,
            position: 0,
        })
    }

    async fn lock(store: &Store, tx: &mut PgConnection, viewers: &[ViewerId]) -> Result<(), StoreError> {
        store.lock_viewers(tx, viewers).await?;
        store.lock_gift_queue(tx).await
    }
}

impl Row for GiftRow {
    const TABLE: &'static str = "gift_requests";

    fn id(&self) -> Uuid {
        self.gift_id
    }

    fn viewer(&self) -> &str {
        &self.viewer_id
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        vec![
            ("version", self.version.to_string()),
            ("viewer_id", self.viewer_id.clone()),
            ("display_name", self.display_name.clone()),
            ("character_name", self.character_name.clone()),
            ("state", self.state.clone()),
            ("selected_item", or_null(self.selected_item.as_ref())),
            ("timeout_at", or_null(self.timeout_at.as_ref())),
            ("failure_reason", or_null(self.failure_reason.as_ref())),
            ("created_at", self.created_at.to_string()),
            ("updated_at", self.updated_at.to_string()),
        ]
    }

    async fn write(&self, store: &Store, tx: &mut PgConnection) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO gift_requests (broadcaster_id, gift_id, version, viewer_id, display_name, character_name, state,
                                        selected_item, timeout_at, failure_reason, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (broadcaster_id, gift_id) DO UPDATE
             SET version = EXCLUDED.version, viewer_id = EXCLUDED.viewer_id, display_name = EXCLUDED.display_name,
                 character_name = EXCLUDED.character_name, state = EXCLUDED.state,
                 selected_item = EXCLUDED.selected_item, timeout_at = EXCLUDED.timeout_at,
                 failure_reason = EXCLUDED.failure_reason, created_at = EXCLUDED.created_at,
                 updated_at = EXCLUDED.updated_at",
            store.broadcaster.as_str(),
            self.gift_id,
            self.version,
            self.viewer_id,
            self.display_name,
            self.character_name,
            self.state,
            self.selected_item,
            self.timeout_at,
            self.failure_reason,
            self.created_at,
            self.updated_at,
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn remove(store: &Store, tx: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM gift_requests WHERE broadcaster_id = $1 AND gift_id = $2",
            store.broadcaster.as_str(),
            id,
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn read(store: &Store, tx: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Self>, StoreError> {
        let rows = sqlx::query_as!(
            Self,
            r#"SELECT gift_id, version, viewer_id, display_name, character_name, state, selected_item, timeout_at,
                    failure_reason, created_at, updated_at, 0::bigint AS "position!"
             FROM unnest($2::uuid[]) AS asked (id),
                  LATERAL (SELECT * FROM gift_requests WHERE broadcaster_id = $1 AND gift_id = asked.id LIMIT 1) AS row"#,
            store.broadcaster.as_str(),
            ids,
        );
        Ok(rows.fetch_all(tx).await?)
    }

    async fn ids(store: &Store, tx: &mut PgConnection, after: Uuid, limit: i64) -> Result<Vec<Uuid>, StoreError> {
        let ids = sqlx::query_scalar!(
            "SELECT gift_id FROM gift_requests WHERE broadcaster_id = $1 AND gift_id > $2 ORDER BY gift_id LIMIT $3",
            store.broadcaster.as_str(),
            after,
            limit,
        );
        Ok(ids.fetch_all(tx).await?)
    }
}
