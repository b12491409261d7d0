//! Gift requests as they are shown, and their rows.

use mgm_domain::{
    Gift, GiftId, GiftStatus, ViewerId,
    gift::{FailureReason, Item, SelectedItem, State, queue},
};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    pool::{parse_name, viewer_id},
};

/// A gift request as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiftView {
    /// The request.
    pub id: GiftId,
    /// What it is.
    pub gift: Gift,
    /// Its place in the queue, from 1; 0 when it is in none.
    pub position: u32,
}

struct GiftRow {
    gift_id: Uuid,
    viewer_id: String,
    display_name: String,
    character_name: String,
    state: String,
    selected_item: Option<Json<Item>>,
    timeout_at: Option<OffsetDateTime>,
    failure_reason: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    /// Whether another is being served.
    another_served: bool,
    /// Those that are `Pending` and come before it.
    pending_before: i64,
}

impl TryFrom<GiftRow> for GiftView {
    type Error = StoreError;

    fn try_from(row: GiftRow) -> Result<Self, StoreError> {
        let key = row.gift_id.to_string();
        let bad =
            |column, reason: String| StoreError::BadRow { table: "gift_requests", column, key: key.clone(), reason };
        let missing = |column| bad(column, format!("is null in state {}", row.state));
        let status: GiftStatus = row.state.parse().map_err(|_| bad("state", format!("{:?} is no state", row.state)))?;
        let timeout_at = || row.timeout_at.ok_or_else(|| missing("timeout_at"));
        let item = row.selected_item.map(|Json(item)| SelectedItem::parse(item)).transpose();
        let item = item.map_err(|error| bad("selected_item", error.to_string()))?;
        let state = match status {
            GiftStatus::Unverified => State::Unverified { timeout_at: timeout_at()? },
            GiftStatus::Pending => State::Pending,
            GiftStatus::SelectingItem => State::SelectingItem { timeout_at: timeout_at()? },
            GiftStatus::WaitingConfirmation => State::WaitingConfirmation {
                item: item.ok_or_else(|| missing("selected_item"))?,
                timeout_at: timeout_at()?,
            },
            GiftStatus::Completed => State::Completed { item: item.ok_or_else(|| missing("selected_item"))? },
            GiftStatus::Failed => {
                let reason = row.failure_reason.ok_or_else(|| missing("failure_reason"))?;
                State::Failed { item, reason: FailureReason::from(reason) }
            }
        };
        let pending_before = u32::try_from(row.pending_before).unwrap_or(u32::MAX);
        let position = match status {
            GiftStatus::Pending => queue::position_of_pending(row.another_served, pending_before),
            GiftStatus::SelectingItem | GiftStatus::WaitingConfirmation => 1,
            GiftStatus::Unverified | GiftStatus::Completed | GiftStatus::Failed => 0,
        };
        let gift = Gift {
            viewer: viewer_id("gift_requests", &row.viewer_id)?,
            character_name: parse_name("gift_requests", &key, &row.character_name)?,
            display_name: row.display_name,
            created_at: row.created_at,
            updated_at: row.updated_at,
            state,
        };
        Ok(Self { id: GiftId::from_uuid(row.gift_id), gift, position })
    }
}

impl Store {
    /// A gift request.
    pub async fn gift(&self, id: GiftId) -> Result<Option<GiftView>, StoreError> {
        let row = sqlx::query_as!(
            GiftRow,
            r#"SELECT gift_id, viewer_id, display_name, character_name, state,
                      selected_item AS "selected_item: Json<Item>", timeout_at, failure_reason, created_at, updated_at,
                      EXISTS (SELECT FROM gift_requests
                              WHERE broadcaster_id = $1 AND state IN ('SelectingItem', 'WaitingConfirmation')
                             ) AS "another_served!",
                      (SELECT count(*) FROM gift_requests AS other
                       WHERE other.broadcaster_id = $1 AND other.state = 'Pending'
                         AND (other.created_at, other.gift_id) < (gift.created_at, gift.gift_id)) AS "pending_before!"
               FROM gift_requests AS gift WHERE broadcaster_id = $1 AND gift_id = $2"#,
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(GiftView::try_from).transpose()
    }

    /// The open requests that a viewer is shown: the one being served, and their own.
    pub async fn gift_queue_of(&self, viewer: &ViewerId) -> Result<Vec<GiftView>, StoreError> {
        let rows = sqlx::query_as!(
            GiftRow,
            r#"SELECT gift_id AS "gift_id!", viewer_id AS "viewer_id!", display_name AS "display_name!",
                      character_name AS "character_name!", state AS "state!",
                      selected_item AS "selected_item: Json<Item>", timeout_at, failure_reason,
                      created_at AS "created_at!", updated_at AS "updated_at!",
                      EXISTS (SELECT FROM gift_requests
                              WHERE broadcaster_id = $1 AND state IN ('SelectingItem', 'WaitingConfirmation')
                             ) AS "another_served!",
                      (SELECT count(*) FROM gift_requests AS other
                       WHERE other.broadcaster_id = $1 AND other.state = 'Pending'
                         AND (other.created_at, other.gift_id) < (gift.created_at, gift.gift_id)) AS "pending_before!"
               FROM (SELECT * FROM gift_requests
                     WHERE broadcaster_id = $1 AND state IN ('SelectingItem', 'WaitingConfirmation')
                     UNION ALL
                     (SELECT * FROM gift_requests
                      WHERE broadcaster_id = $1 AND viewer_id BETWEEN $2 AND $2 AND state = 'Pending'
                      ORDER BY viewer_id)) AS gift
               ORDER BY state = 'Pending'"#,
            self.broadcaster.as_str(),
            viewer.as_str(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(GiftView::try_from).collect()
    }

    /// The queue: the request being served, then those that are `Pending`, oldest first; at most `limit` of those that follow
    /// `after` in that order, which need not be in the queue any more.
    pub async fn gift_queue(&self, after: Option<&GiftView>, limit: u32) -> Result<Vec<GiftView>, StoreError> {
        let start = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
        let (created_at, id) = match after {
            None => start,
            Some(GiftView { id, gift, .. }) => match gift.state.status() {
                // Everybody who waits comes after one whose turn it is, or was.
                GiftStatus::SelectingItem | GiftStatus::WaitingConfirmation | GiftStatus::Completed => start,
                GiftStatus::Unverified | GiftStatus::Pending | GiftStatus::Failed => (gift.created_at, id.as_uuid()),
            },
        };
        let rows = sqlx::query_as!(
            GiftRow,
            r#"SELECT gift_id AS "gift_id!", viewer_id AS "viewer_id!", display_name AS "display_name!",
                      character_name AS "character_name!", state AS "state!",
                      selected_item AS "selected_item: Json<Item>", timeout_at, failure_reason,
                      created_at AS "created_at!", updated_at AS "updated_at!", another_served AS "another_served!",
                      pending_before AS "pending_before!"
               FROM (SELECT *, bool_or(state <> 'Pending') OVER () AS another_served,
                            count(*) FILTER (WHERE state = 'Pending')
                                OVER (ORDER BY created_at, gift_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                                      EXCLUDE CURRENT ROW) AS pending_before
                     FROM gift_requests
                     WHERE broadcaster_id = $1 AND state IN ('Pending', 'SelectingItem', 'WaitingConfirmation')) AS queue
               WHERE NOT $2 OR (state = 'Pending' AND (created_at, gift_id) > ($3, $4))
               ORDER BY state = 'Pending', created_at, gift_id LIMIT $5"#,
            self.broadcaster.as_str(),
            after.is_some(),
            created_at,
            id,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(GiftView::try_from).collect()
    }
}
