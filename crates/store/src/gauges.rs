//! The database's part of the metrics. Every value comes from an index and reads a bounded number of rows, however
//! large the tables are.

use mgm_domain::{GiftStatus, PayoutStatus, announcement::AnnouncementState};
use time::OffsetDateTime;

use crate::{Store, StoreError};

/// Counting stops here; larger counts are shown as this.
const MAX_COUNT: i64 = 1_000;

/// A number of rows, and the age of the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// The number of rows, counted up to 1000.
    pub count: i64,
    /// When the oldest was created, by our clock.
    pub oldest: Option<OffsetDateTime>,
}

/// The state of the database at one moment, for the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauges {
    /// Members of the pool.
    pub pool: i64,
    /// Payouts that are still active, by status.
    pub payouts: Vec<(PayoutStatus, Crowd)>,
    /// Announcements that are not yet out, by state.
    pub announcements: Vec<(AnnouncementState, i64)>,
    /// Gift requests that are still open, by state.
    pub gifts: Vec<(GiftStatus, i64)>,
    /// When the oldest request that Twitch still has to verify was received, by our clock.
    pub oldest_unverified_gift: Option<OffsetDateTime>,
    /// The due time of the announcement that has been due longest.
    pub oldest_due_announcement: Option<OffsetDateTime>,
    /// When the oldest remembered chat message was received, by our clock.
    pub oldest_chat_message: Option<OffsetDateTime>,
    /// When a cycle was last drawn, by our clock.
    pub last_draw: Option<OffsetDateTime>,
    /// How many of `ended_cycles` were not drawn, although an earlier cycle was.
    pub missed_draws: i64,
}

impl Store {
    /// Reads all gauges; `ended_cycles` are the starts of the cycles whose draws are looked for.
    pub async fn gauges(&self, now: OffsetDateTime, ended_cycles: &[OffsetDateTime]) -> Result<Gauges, StoreError> {
        let broadcaster = self.broadcaster.as_str();
        let row = sqlx::query!(
            r#"SELECT
                 (SELECT coalesce(sum(bucket.members), 0)
                  FROM pool_counts, unnest(pool_counts.members) AS bucket (members)
                  WHERE broadcaster_id = $1) AS "pool!",
                 (SELECT due_at FROM announcements
                  WHERE broadcaster_id = $1 AND state = 'pending' AND due_at <= $2
                  ORDER BY due_at LIMIT 1) AS oldest_due_announcement,
                 (SELECT created_at FROM gift_requests
                  WHERE broadcaster_id = $1 AND state = 'Unverified' AND timeout_at IS NOT NULL
                  ORDER BY timeout_at LIMIT 1) AS oldest_unverified_gift,
                 (SELECT received_at FROM chat_inbox
                  WHERE broadcaster_id = $1 AND received_at > '-infinity'
                  ORDER BY received_at LIMIT 1) AS oldest_chat_message,
                 (SELECT drawn_at FROM roulette_cycles
                  WHERE broadcaster_id = $1 AND starts_at > '-infinity'
                  ORDER BY starts_at DESC LIMIT 1) AS last_draw,
                 (SELECT count(*) FROM unnest($3::timestamptz[]) AS ended (starts_at)
                  WHERE starts_at > (SELECT starts_at FROM roulette_cycles
                                     WHERE broadcaster_id = $1 AND starts_at > '-infinity'
                                     ORDER BY starts_at LIMIT 1)
                    AND (SELECT cycle_id FROM roulette_cycles AS drawn
                         WHERE drawn.broadcaster_id = $1
                           AND drawn.starts_at BETWEEN ended.starts_at AND ended.starts_at
                         ORDER BY drawn.starts_at LIMIT 1) IS NULL) AS "missed_draws!""#,
            broadcaster,
            now,
            ended_cycles,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Gauges {
            pool: row.pool,
            payouts: self.open_payouts().await?,
            announcements: self.owed_announcements().await?,
            gifts: self.open_gifts().await?,
            oldest_unverified_gift: row.oldest_unverified_gift,
            oldest_due_announcement: row.oldest_due_announcement,
            oldest_chat_message: row.oldest_chat_message,
            last_draw: row.last_draw,
            missed_draws: row.missed_draws,
        })
    }

    async fn open_payouts(&self) -> Result<Vec<(PayoutStatus, Crowd)>, StoreError> {
        let mut payouts = vec![];
        for status in [PayoutStatus::Pending, PayoutStatus::InProgress] {
            let crowd = sqlx::query_as!(
                Crowd,
                r#"SELECT
                     (SELECT count(*) FROM (SELECT FROM payouts WHERE broadcaster_id = $1 AND status = $2
                                            ORDER BY created_at LIMIT $3) few) AS "count!",
                     (SELECT created_at FROM payouts WHERE broadcaster_id = $1 AND status = $2
                      ORDER BY created_at LIMIT 1) AS oldest"#,
                self.broadcaster.as_str(),
                status.as_str(),
                MAX_COUNT,
            )
            .fetch_one(&self.pool)
            .await?;
            payouts.push((status, crowd));
        }
        Ok(payouts)
    }

    async fn owed_announcements(&self) -> Result<Vec<(AnnouncementState, i64)>, StoreError> {
        let mut announcements = vec![];
        for state in AnnouncementState::ALL.into_iter().filter(|state| *state != AnnouncementState::Announced) {
            let count = sqlx::query_scalar!(
                r#"SELECT count(*) AS "count!" FROM (SELECT FROM announcements WHERE broadcaster_id = $1 AND state = $2
                                                     ORDER BY created_at LIMIT $3) few"#,
                self.broadcaster.as_str(),
                state.as_str(),
                MAX_COUNT,
            )
            .fetch_one(&self.pool)
            .await?;
            announcements.push((state, count));
        }
        Ok(announcements)
    }

    async fn open_gifts(&self) -> Result<Vec<(GiftStatus, i64)>, StoreError> {
        let mut gifts = vec![];
        for status in GiftStatus::ALL.into_iter().filter(|status| status.is_open()) {
            // The condition on all four states is that of the index.
            let count = sqlx::query_scalar!(
                r#"SELECT count(*) AS "count!" FROM (
                       SELECT FROM gift_requests
                       WHERE broadcaster_id = $1 AND state = $2
                         AND state IN ('Unverified', 'Pending', 'SelectingItem', 'WaitingConfirmation')
                       ORDER BY viewer_id LIMIT $3) few"#,
                self.broadcaster.as_str(),
                status.as_str(),
                MAX_COUNT,
            )
            .fetch_one(&self.pool)
            .await?;
            gifts.push((status, count));
        }
        Ok(gifts)
    }

    /// Connections to the database: in use, and idle.
    #[must_use]
    pub fn connections(&self) -> (u32, u32) {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        (self.pool.size().saturating_sub(idle), idle)
    }
}
