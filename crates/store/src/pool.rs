//! The pool's rows, and what a viewer already has.

use std::collections::HashMap;

use mgm_domain::{
    CharacterName, Gold, Rejection, ViewerId,
    pool::{Membership, Standing},
};
use sqlx::PgConnection;

use crate::{CommandError, Store, StoreError};

/// A viewer as the rules see one.
#[derive(Debug, Default, Clone)]
pub(crate) struct Viewer {
    pub(crate) standing: Standing,
    pub(crate) membership: Option<Membership>,
}

impl Store {
    /// The viewer's place in the pool.
    pub async fn membership(&self, viewer: &ViewerId) -> Result<Option<Membership>, StoreError> {
        let row = sqlx::query!(
            "SELECT display_name, character_name FROM pool_members WHERE broadcaster_id = $1 AND viewer_id = $2",
            self.broadcaster.as_str(),
            viewer.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| membership(viewer.as_str(), row.display_name, &row.character_name)).transpose()
    }

    /// How many viewers are in the pool.
    pub async fn pool_size(&self) -> Result<u64, StoreError> {
        let size = sqlx::query_scalar!(
            r#"SELECT coalesce(sum(members), 0)::bigint AS "members!" FROM pool_buckets WHERE broadcaster_id = $1"#,
            self.broadcaster.as_str(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(size.unsigned_abs())
    }

    /// Locks the viewers' rows until the transaction ends, making those that are missing. In one order everywhere, so
    /// that transactions wait for one another and not in a circle.
    pub(crate) async fn lock_viewers(&self, tx: &mut PgConnection, viewers: &[ViewerId]) -> Result<(), StoreError> {
        let mut ids: Vec<String> = viewers.iter().map(ToString::to_string).collect();
        ids.sort_unstable();
        ids.dedup();
        // A row that meets the conflict is locked even where the condition keeps it from being written.
        sqlx::query!(
            "INSERT INTO viewers (broadcaster_id, viewer_id)
             SELECT $1, viewer_id FROM unnest($2::text[]) AS locked (viewer_id) ORDER BY viewer_id
             ON CONFLICT (broadcaster_id, viewer_id) DO UPDATE SET viewer_id = EXCLUDED.viewer_id WHERE false",
            self.broadcaster.as_str(),
            &ids,
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// What the rules need to know of viewers whose rows are locked.
    pub(crate) async fn load_viewers(
        &self,
        tx: &mut PgConnection,
        viewers: &[ViewerId],
    ) -> Result<HashMap<ViewerId, Viewer>, StoreError> {
        let ids: Vec<String> = viewers.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"SELECT asked.viewer_id AS "viewer_id!", member.display_name AS "display_name?",
                      member.character_name AS "character_name?",
                      coalesce(has.active, false) AS "active!", coalesce(has.received, 0) AS "received!"
               FROM unnest($2::text[]) AS asked (viewer_id)
               LEFT JOIN pool_members AS member ON member.broadcaster_id = $1 AND member.viewer_id = asked.viewer_id
               LEFT JOIN LATERAL (
                   SELECT bool_or(status IN ('Pending', 'InProgress')) AS active,
                          sum(gold) FILTER (WHERE status = 'Sent') AS received
                   FROM payouts WHERE payouts.broadcaster_id = $1 AND payouts.viewer_id = asked.viewer_id
               ) AS has ON true"#,
            self.broadcaster.as_str(),
            &ids,
        )
        .fetch_all(tx)
        .await?;
        let mut loaded = HashMap::with_capacity(rows.len());
        for row in rows {
            let received = u32::try_from(row.received).map_err(|error| StoreError::BadRow {
                table: "payouts",
                column: "gold",
                key: row.viewer_id.clone(),
                reason: error.to_string(),
            })?;
            let membership = match (row.display_name, row.character_name) {
                (Some(display), Some(name)) => Some(membership(&row.viewer_id, display, &name)?),
                _ => None,
            };
            let standing = Standing { has_active_payout: row.active, received: Gold::new(received) };
            loaded.insert(viewer_id("viewers", &row.viewer_id)?, Viewer { standing, membership });
        }
        Ok(loaded)
    }

    /// Locks one viewer and loads what the rules need to know of them.
    pub(crate) async fn lock_viewer(&self, tx: &mut PgConnection, viewer: &ViewerId) -> Result<Viewer, StoreError> {
        let viewers = std::slice::from_ref(viewer);
        self.lock_viewers(tx, viewers).await?;
        Ok(self.load_viewers(tx, viewers).await?.remove(viewer).unwrap_or_default())
    }

    /// Takes the viewer out of the pool, if they are in it.
    pub(crate) async fn leave_pool(&self, tx: &mut PgConnection, viewer: &ViewerId) -> Result<(), StoreError> {
        sqlx::query!(
            "WITH gone AS (DELETE FROM pool_members WHERE broadcaster_id = $1 AND viewer_id = $2 RETURNING bucket)
             UPDATE pool_buckets SET members = members - 1
             FROM gone WHERE pool_buckets.broadcaster_id = $1 AND pool_buckets.bucket = gone.bucket",
            self.broadcaster.as_str(),
            viewer.as_str(),
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}

impl Viewer {
    /// The viewer's membership; without one they are not in the pool.
    pub(crate) fn member(&self) -> Result<&Membership, CommandError> {
        self.membership.as_ref().ok_or(CommandError::Rejected(Rejection::NotInPool))
    }
}

fn membership(viewer: &str, display_name: String, character_name: &str) -> Result<Membership, StoreError> {
    let character_name = parse_name("pool_members", viewer, character_name)?;
    Ok(Membership { display_name, character_name })
}

pub(crate) fn parse_name(table: &'static str, key: &str, name: &str) -> Result<CharacterName, StoreError> {
    CharacterName::parse(name).map_err(|error| StoreError::BadRow {
        table,
        column: "character_name",
        key: key.to_owned(),
        reason: error.to_string(),
    })
}

pub(crate) fn viewer_id(table: &'static str, id: &str) -> Result<ViewerId, StoreError> {
    ViewerId::parse(id).map_err(|error| StoreError::BadRow {
        table,
        column: "viewer_id",
        key: id.to_owned(),
        reason: error.to_string(),
    })
}
