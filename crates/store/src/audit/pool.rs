//! Checks the pool: its counts, its names, and that winners have left it.

use mgm_domain::CharacterName;
use sqlx::PgConnection;

use super::Audit;
use crate::{Store, StoreError};

/// Members read at a time.
const PAGE: i64 = 5_000;

impl Store {
    pub(super) async fn audit_pool(&self, tx: &mut PgConnection, audit: &mut Audit) -> Result<(), StoreError> {
        self.audit_names(tx, audit).await?;
        let counts = sqlx::query!(
            r#"SELECT coalesce(kept.bucket, counted.bucket) AS "bucket!", coalesce(kept.members, 0) AS "kept!",
                      coalesce(counted.members, 0) AS "counted!"
               FROM (SELECT (place - 1)::smallint AS bucket, sum(shard.members) AS members
                     FROM pool_counts, unnest(pool_counts.members) WITH ORDINALITY AS shard (members, place)
                     WHERE broadcaster_id = $1 GROUP BY place) AS kept
               FULL JOIN (SELECT bucket, count(*) AS members FROM pool_members WHERE broadcaster_id = $1
                          GROUP BY bucket) AS counted USING (bucket)
               WHERE coalesce(kept.members, 0) <> coalesce(counted.members, 0)"#,
            self.broadcaster.as_str(),
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in counts {
            let detail = format!("{} members are counted, there are {}", row.kept, row.counted);
            audit.find("pool_count_differs", &format!("bucket {}", row.bucket), detail);
        }
        // A viewer with an active payout cannot enrol. So a member who was in the pool before the award, and still is,
        // did not leave it when the payout became `Sent`.
        let winners = sqlx::query!(
            "SELECT member.viewer_id, payout.payout_id
             FROM pool_members AS member
             JOIN payouts AS payout USING (broadcaster_id, viewer_id)
             WHERE member.broadcaster_id = $1 AND payout.status = 'Sent' AND member.enrolled_at < payout.created_at",
            self.broadcaster.as_str(),
        )
        .fetch_all(tx)
        .await?;
        for row in winners {
            let detail = format!("still in the pool, though the payout {} is Sent", row.payout_id);
            audit.find("winner_in_the_pool", &row.viewer_id, detail);
        }
        Ok(())
    }

    /// Checks that names are unique by the program's case folding, which differs from the database's.
    async fn audit_names(&self, tx: &mut PgConnection, audit: &mut Audit) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let page = sqlx::query!(
                "SELECT viewer_id, character_name, name_key FROM pool_members
                 WHERE broadcaster_id = $1 AND viewer_id > $2 ORDER BY viewer_id LIMIT $3",
                self.broadcaster.as_str(),
                after,
                PAGE,
            )
            .fetch_all(&mut *tx)
            .await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after.clone_from(&last.viewer_id);
            for row in page {
                audit.members += 1;
                match CharacterName::parse(&row.character_name) {
                    Ok(name) if name.key() == row.name_key => {}
                    Ok(name) => {
                        let detail = format!("{name} is kept under {:?}, not {:?}", row.name_key, name.key());
                        audit.find("pool_name_differs", &row.viewer_id, detail);
                    }
                    Err(error) => audit.find("pool_name_differs", &row.viewer_id, error.to_string()),
                }
            }
        }
    }
}
