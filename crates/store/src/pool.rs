//! The pool's rows, and what the rules need to know of viewers.

use std::collections::HashMap;

use mgm_domain::{
    CharacterName, Gold, Rejection, ViewerId,
    pool::{Membership, Standing},
};
use sqlx::PgConnection;

use crate::{CommandError, Store, StoreError, error::Origin};

/// The number of buckets of the pool.
pub(crate) const BUCKETS: usize = 256;

/// A viewer as the rules see them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Viewer {
    pub(crate) standing: Standing,
    pub(crate) membership: Option<Membership>,
    /// The viewer's bucket in the pool.
    pub(crate) bucket: u8,
}

impl Store {
    /// The viewer's membership of the pool.
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
            r#"SELECT coalesce(sum(bucket.members), 0) AS "members!"
               FROM pool_counts, unnest(pool_counts.members) AS bucket (members) WHERE broadcaster_id = $1"#,
            self.broadcaster.as_str(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(size.unsigned_abs())
    }

    /// Locks the viewers' rows until the transaction ends, inserting missing ones. The order is the same everywhere, so
    /// that transactions cannot deadlock.
    pub(crate) async fn lock_viewers(&self, tx: &mut PgConnection, viewers: &[ViewerId]) -> Result<(), StoreError> {
        // A conflicting row is locked even if the condition prevents the update.
        sqlx::query!(
            "INSERT INTO viewers (broadcaster_id, viewer_id)
             SELECT $1, viewer_id FROM unnest($2::text[]) AS locked (viewer_id) ORDER BY viewer_id
             ON CONFLICT (broadcaster_id, viewer_id) DO UPDATE SET viewer_id = EXCLUDED.viewer_id WHERE false",
            self.broadcaster.as_str(),
            &in_order(viewers),
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
        Ok(self.load_viewers_and_holders(tx, viewers, &[]).await?.0)
    }

    /// The same, and the viewers who hold the names with these keys, by key.
    pub(crate) async fn load_viewers_and_holders(
        &self,
        tx: &mut PgConnection,
        viewers: &[ViewerId],
        name_keys: &[String],
    ) -> Result<(HashMap<ViewerId, Viewer>, HashMap<String, ViewerId>), StoreError> {
        let ids: Vec<String> = viewers.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"SELECT asked.viewer_id, asked.name_key, member.display_name AS "display_name?",
                      member.character_name AS "character_name?", holder.viewer_id AS "holder?",
                      (hashtext(asked.viewer_id) & 255)::smallint AS bucket, coalesce(has.active, false) AS "active!", coalesce(has.received, 0) AS "received!"
               FROM unnest($2::text[], $3::text[]) AS asked (viewer_id, name_key)
               LEFT JOIN LATERAL (
                   SELECT display_name, character_name FROM pool_members
                   WHERE broadcaster_id = $1 AND pool_members.viewer_id = asked.viewer_id LIMIT 1
               ) AS member ON true
               LEFT JOIN LATERAL (
                   SELECT bool_or(status IN ('Pending', 'InProgress')) AS active,
                          sum(gold) FILTER (WHERE status = 'Sent') AS received
                   FROM (SELECT status, gold FROM payouts
                         WHERE broadcaster_id = $1 AND viewer_id BETWEEN asked.viewer_id AND asked.viewer_id
                         ORDER BY viewer_id) AS payout
               ) AS has ON true
               LEFT JOIN LATERAL (
                   SELECT viewer_id FROM pool_members
                   WHERE broadcaster_id = $1 AND pool_members.name_key BETWEEN asked.name_key AND asked.name_key
                   ORDER BY pool_members.name_key LIMIT 1
               ) AS holder ON true"#,
            self.broadcaster.as_str(),
            &ids,
            name_keys,
        )
        .fetch_all(tx)
        .await?;
        let mut loaded = HashMap::with_capacity(rows.len());
        let mut holders = HashMap::with_capacity(name_keys.len());
        for row in rows {
            if let (Some(key), Some(holder)) = (row.name_key, row.holder) {
                let holder = Origin::row("pool_members", &key).column("viewer_id", ViewerId::parse(holder))?;
                holders.insert(key, holder);
            }
            let (Some(id), Some(bucket)) = (row.viewer_id, row.bucket) else { continue };
            let received = Origin::row("payouts", &id).column("gold", u32::try_from(row.received))?;
            let bucket = Origin::row("pool_members", &id).column("bucket", u8::try_from(bucket))?;
            let membership = match (row.display_name, row.character_name) {
                (Some(display), Some(name)) => Some(membership(&id, display, &name)?),
                _ => None,
            };
            let standing = Standing { has_active_payout: row.active, received: Gold::new(received) };
            let viewer = Origin::row("viewers", &id).column("viewer_id", ViewerId::parse(&*id))?;
            loaded.insert(viewer, Viewer { standing, membership, bucket });
        }
        Ok((loaded, holders))
    }

    /// Locks one viewer and loads what the rules need to know of them.
    pub(crate) async fn lock_viewer(&self, tx: &mut PgConnection, viewer: &ViewerId) -> Result<Viewer, StoreError> {
        let viewers = std::slice::from_ref(viewer);
        self.lock_viewers(tx, viewers).await?;
        Ok(self.load_viewers(tx, viewers).await?.remove(viewer).unwrap_or_default())
    }

    /// Removes the viewer from the pool, if they are in it. Last in a transaction, since it locks a row of the counts
    /// until the end; see the statement of enrolment that adds to them.
    pub(crate) async fn leave_pool(&self, tx: &mut PgConnection, viewer: &ViewerId) -> Result<(), StoreError> {
        sqlx::query!(
            "WITH left_behind AS (
                 DELETE FROM pool_members WHERE broadcaster_id = $1 AND viewer_id = $2 RETURNING bucket
             ), free AS (
                 SELECT shard FROM pool_counts WHERE broadcaster_id = $1 AND EXISTS (SELECT FROM left_behind)
                 ORDER BY shard LIMIT 1 FOR UPDATE SKIP LOCKED
             )
             INSERT INTO pool_counts AS had (broadcaster_id, shard, members)
             SELECT $1, coalesce((SELECT shard FROM free), floor(random() * 32)::smallint),
                    ARRAY(SELECT CASE place WHEN bucket THEN -1 ELSE 0 END FROM generate_series(0, 255) AS place)
             FROM left_behind
             ON CONFLICT (broadcaster_id, shard) DO UPDATE
             SET members = ARRAY(SELECT had.members[place] + EXCLUDED.members[place]
                                 FROM generate_series(1, 256) AS place)",
            self.broadcaster.as_str(),
            viewer.as_str(),
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}

impl Viewer {
    /// The viewer's membership; a rejection if they are not in the pool.
    pub(crate) fn member(&self) -> Result<&Membership, CommandError> {
        self.membership.as_ref().ok_or(CommandError::Rejected(Rejection::NotInPool))
    }
}

/// Sorts the ids in the order in which viewers are locked, without duplicates.
pub(crate) fn in_order(viewers: &[ViewerId]) -> Vec<String> {
    let mut ids: Vec<String> = viewers.iter().map(ToString::to_string).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn membership(viewer: &str, display_name: String, character_name: &str) -> Result<Membership, StoreError> {
    let name = CharacterName::parse(character_name);
    let character_name = Origin::row("pool_members", viewer).column("character_name", name)?;
    Ok(Membership { display_name, character_name })
}
