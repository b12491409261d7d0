//! The rows of `payouts`.

use mgm_domain::{Payout, ViewerId};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Projected, Row, or_null};
use crate::{Store, StoreError, error::Origin};

/// A row of `payouts`.
#[derive(Debug, Clone)]
pub(crate) struct PayoutRow {
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

impl Projected for Payout {
    type Row = PayoutRow;

    fn row(&self, id: Uuid, version: i32) -> Result<PayoutRow, StoreError> {
        let gold = Origin::row(PayoutRow::TABLE, id).column("gold", i32::try_from(self.gold.amount()))?;
        Ok(PayoutRow {
            payout_id: id,
            version,
            viewer_id: self.viewer.to_string(),
            display_name: self.display_name.clone(),
            character_name: self.character_name.to_string(),
            gold,
            enrollment_request_id: self.enrollment_request_id.to_string(),
            status: self.status().to_string(),
            announced: self.is_announced(),
            created_at: self.created_at,
            accepted_at: self.accepted_at,
        })
    }

    async fn lock(store: &Store, tx: &mut PgConnection, viewers: &[ViewerId]) -> Result<(), StoreError> {
        store.lock_viewers(tx, viewers).await
    }
}

impl Row for PayoutRow {
    const TABLE: &'static str = "payouts";

    fn id(&self) -> Uuid {
        self.payout_id
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
            ("gold", self.gold.to_string()),
            ("enrollment_request_id", self.enrollment_request_id.clone()),
            ("status", self.status.clone()),
            ("announced", self.announced.to_string()),
            ("created_at", self.created_at.to_string()),
            ("accepted_at", or_null(self.accepted_at.as_ref())),
        ]
    }

    async fn write(&self, store: &Store, tx: &mut PgConnection) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO payouts (broadcaster_id, payout_id, version, viewer_id, display_name, character_name, gold,
                                  enrollment_request_id, status, announced, created_at, accepted_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (broadcaster_id, payout_id) DO UPDATE
             SET version = EXCLUDED.version, viewer_id = EXCLUDED.viewer_id, display_name = EXCLUDED.display_name,
                 character_name = EXCLUDED.character_name, gold = EXCLUDED.gold,
                 enrollment_request_id = EXCLUDED.enrollment_request_id, status = EXCLUDED.status,
                 announced = EXCLUDED.announced, created_at = EXCLUDED.created_at, accepted_at = EXCLUDED.accepted_at",
            store.broadcaster.as_str(),
            self.payout_id,
            self.version,
            self.viewer_id,
            self.display_name,
            self.character_name,
            self.gold,
            self.enrollment_request_id,
            self.status,
            self.announced,
            self.created_at,
            self.accepted_at,
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn remove(store: &Store, tx: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM payouts WHERE broadcaster_id = $1 AND payout_id = $2",
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
            "SELECT payout_id, version, viewer_id, display_name, character_name, gold, enrollment_request_id, status,
                    announced, created_at, accepted_at
             FROM unnest($2::uuid[]) AS asked (id),
                  LATERAL (SELECT * FROM payouts WHERE broadcaster_id = $1 AND payout_id = asked.id LIMIT 1) AS row",
            store.broadcaster.as_str(),
            ids,
        );
        Ok(rows.fetch_all(tx).await?)
    }

    async fn ids(store: &Store, tx: &mut PgConnection, after: Uuid, limit: i64) -> Result<Vec<Uuid>, StoreError> {
        let ids = sqlx::query_scalar!(
            "SELECT payout_id FROM payouts WHERE broadcaster_id = $1 AND payout_id > $2 ORDER BY payout_id LIMIT $3",
            store.broadcaster.as_str(),
            after,
            limit,
        );
        Ok(ids.fetch_all(tx).await?)
    }
}
