//! Queries for gift requests, and their rows.

use mgm_domain::{
    CharacterName, Gift, GiftId, GiftStatus, Rejection, ViewerId,
    gift::{FailureReason, GiftState, SelectedItem},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    CommandError, Store, StoreError,
    error::Origin,
    projection::{GiftRow, Row as _},
    streams::Stream,
};

/// A gift request with its place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiftView {
    /// The request's id.
    pub id: GiftId,
    /// The request's state.
    pub gift: Gift,
    /// Its place in the queue, from 1; 0 if it is in none.
    pub position: u32,
}

impl TryFrom<GiftRow> for GiftView {
    type Error = StoreError;

    fn try_from(row: GiftRow) -> Result<Self, StoreError> {
        let read = Origin::row(GiftRow::TABLE, row.gift_id);
        let status = read.parse("state", &row.state)?;
        let missing = || format!("is null in state {status}");
        let timeout_at = || read.column("timeout_at", row.timeout_at.ok_or_else(missing));
        let item =
            row.selected_item.map(|item| read.column("selected_item", serde_json::from_value(item))).transpose()?;
        let item = item.map(|item| read.column("selected_item", SelectedItem::parse(item))).transpose()?;
        let selected = |item: Option<SelectedItem>| read.column("selected_item", item.ok_or_else(missing));
        let state = match status {
            GiftStatus::Unverified => GiftState::Unverified { timeout_at: timeout_at()? },
            GiftStatus::Pending => GiftState::Pending,
            GiftStatus::SelectingItem => GiftState::SelectingItem { timeout_at: timeout_at()? },
            GiftStatus::WaitingConfirmation => {
                GiftState::WaitingConfirmation { item: selected(item)?, timeout_at: timeout_at()? }
            }
            GiftStatus::Completed => GiftState::Completed { item: selected(item)? },
            GiftStatus::Failed => {
                let reason = read.column("failure_reason", row.failure_reason.ok_or_else(missing))?;
                GiftState::Failed { item, reason: FailureReason::from(reason) }
            }
        };
        let gift = Gift {
            viewer: read.column("viewer_id", ViewerId::parse(row.viewer_id))?,
            display_name: row.display_name,
            character_name: read.column("character_name", CharacterName::parse(&row.character_name))?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            state,
        };
        Ok(Self { id: GiftId::from_uuid(row.gift_id), gift, position: as_position(row.position) })
    }
}

/// A place too large to be shown is shown as the largest possible.
fn as_position(position: i64) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

impl Store {
    /// Finds a gift request.
    pub async fn gift(&self, id: GiftId) -> Result<Option<GiftView>, StoreError> {
        let row = sqlx::query_as!(
            GiftRow,
            r#"SELECT gift_id, version, viewer_id, display_name, character_name, state, selected_item, timeout_at,
                      failure_reason, created_at, updated_at,
                      coalesce((SELECT position FROM gift_positions AS place
                                WHERE place.broadcaster_id = $1 AND place.gift_id = gift.gift_id), 0) AS "position!"
               FROM gift_requests AS gift WHERE broadcaster_id = $1 AND gift_id = $2"#,
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(GiftView::try_from).transpose()
    }

    /// A gift request as a command leaves it. The queue must be locked if the request is in it.
    pub(crate) async fn view_of(&self, tx: &mut PgConnection, stream: Stream<Gift>) -> Result<GiftView, CommandError> {
        let gift = stream.state.ok_or(Rejection::NotFound)?;
        let position = match gift.state.status() {
            GiftStatus::Pending => {
                let position = sqlx::query_scalar!(
                    r#"SELECT position AS "position!" FROM gift_positions WHERE broadcaster_id = $1 AND gift_id = $2"#,
                    self.broadcaster.as_str(),
                    stream.id,
                );
                as_position(position.fetch_one(tx).await?)
            }
            GiftStatus::SelectingItem | GiftStatus::WaitingConfirmation => 1,
            GiftStatus::Unverified | GiftStatus::Completed | GiftStatus::Failed => 0,
        };
        Ok(GiftView { id: GiftId::from_uuid(stream.id), gift, position })
    }

    /// The open requests that a viewer is shown: the one being served, and their own. Every panel polls this, so a
    /// place is computed only for a viewer who waits.
    pub async fn gift_queue_of(&self, viewer: &ViewerId) -> Result<Vec<GiftView>, StoreError> {
        let rows = sqlx::query_as!(
            GiftRow,
            r#"SELECT gift_id AS "gift_id!", version AS "version!", viewer_id AS "viewer_id!",
                      display_name AS "display_name!", character_name AS "character_name!", state AS "state!",
                      selected_item, timeout_at, failure_reason, created_at AS "created_at!",
                      updated_at AS "updated_at!", position AS "position!"
               FROM (SELECT *, 1 AS position FROM gift_requests
                     WHERE broadcaster_id = $1 AND state IN ('SelectingItem', 'WaitingConfirmation')
                     UNION ALL
                     (SELECT *, (SELECT position FROM gift_positions AS place
                                 WHERE place.broadcaster_id = $1 AND place.gift_id = own.gift_id)
                      FROM gift_requests AS own
                      WHERE broadcaster_id = $1 AND viewer_id BETWEEN $2 AND $2 AND state = 'Pending'
                      ORDER BY viewer_id)) AS gift
               ORDER BY position"#,
            self.broadcaster.as_str(),
            viewer.as_str(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(GiftView::try_from).collect()
    }

    /// The queue: the request being served, then the `Pending` ones, oldest first; at most `limit` of those after
    /// `after` in that order. `after` need not be in the queue any more.
    pub async fn gift_queue(&self, after: Option<&GiftView>, limit: u32) -> Result<Vec<GiftView>, StoreError> {
        let start = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
        let (created_at, id) = match after {
            None => start,
            Some(GiftView { id, gift, .. }) => match gift.state.status() {
                // All waiting requests come after one that is or was being served.
                GiftStatus::SelectingItem | GiftStatus::WaitingConfirmation | GiftStatus::Completed => start,
                GiftStatus::Unverified | GiftStatus::Pending | GiftStatus::Failed => (gift.created_at, id.as_uuid()),
            },
        };
        let rows = sqlx::query_as!(
            GiftRow,
            r#"SELECT gift.gift_id, version, gift.viewer_id, display_name, character_name, gift.state, selected_item,
                      timeout_at, failure_reason, created_at, updated_at, position AS "position!"
               FROM gift_positions AS place,
                    LATERAL (SELECT * FROM gift_requests
                             WHERE broadcaster_id = $1 AND gift_id = place.gift_id LIMIT 1) AS gift
               WHERE place.broadcaster_id = $1
                 AND (NOT $2 OR (place.state = 'Pending' AND (gift.created_at, gift.gift_id) > ($3, $4)))
               ORDER BY position LIMIT $5"#,
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
