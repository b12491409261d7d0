//! The outbox: announcements that are owed to chat.
//!
//! An announcement is claimed, and the claim committed, before Twitch is called. A crash at any point therefore leaves
//! either a claim whose outcome is unknown, or an obligation that another process takes up.

use std::time::Duration;

use mgm_domain::{
    Payout, PayoutId, Rejection,
    announcement::{self, AnnouncementState, Attempt, Delivery, FIRST_DUE_AFTER, Next, Outcome},
    payout::{PayoutCommand, decide},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    CommandError, Store, StoreError,
    error::Origin,
    sweep::{Place, SWEPT_AT_ONCE, Swept, sweep},
    transaction::retrying,
};

const TABLE: &str = "announcements";

/// An announcement that this process has claimed and must send now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedAnnouncement {
    /// The payout announced.
    pub payout: PayoutId,
    /// The text to send.
    pub message: String,
    /// The number of this attempt, from 1; it starts again at 1 when the operator asks for a retry.
    pub attempt: u32,
    /// Whether an earlier attempt may have been said without our knowing it.
    pub may_have_been_said: bool,
    /// The number that distinguishes this claim from all others of the same announcement.
    claim: i32,
}

/// An announcement as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The payout announced.
    pub payout: PayoutId,
    /// The text to send.
    pub message: String,
    /// Its state.
    pub state: AnnouncementState,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Why the last attempt that ended did not announce. If announced: how that is known, unless Twitch simply said so.
    pub detail: Option<String>,
    /// The time of the next attempt, by our clock; `None` if there is none, or one is under way.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// When it became owed, by our clock.
    pub created_at: OffsetDateTime,
    /// When it last changed, by our clock.
    pub updated_at: OffsetDateTime,
}

struct AnnouncementRow {
    payout_id: Uuid,
    message: String,
    state: String,
    attempts: i32,
    attempts_before_retry: i32,
    due_at: OffsetDateTime,
    detail: Option<String>,
    may_have_been_said: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<AnnouncementRow> for ClaimedAnnouncement {
    fn from(row: AnnouncementRow) -> Self {
        Self {
            payout: PayoutId::from_uuid(row.payout_id),
            message: row.message,
            attempt: (row.attempts - row.attempts_before_retry).unsigned_abs(),
            may_have_been_said: row.may_have_been_said,
            claim: row.attempts,
        }
    }
}

impl TryFrom<AnnouncementRow> for Announcement {
    type Error = StoreError;

    fn try_from(row: AnnouncementRow) -> Result<Self, StoreError> {
        let state = Origin::row(TABLE, row.payout_id).parse("state", &row.state)?;
        Ok(Self {
            payout: PayoutId::from_uuid(row.payout_id),
            message: row.message,
            state,
            attempts: row.attempts.unsigned_abs(),
            detail: row.detail,
            next_attempt_at: (state == AnnouncementState::Pending).then_some(row.due_at),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    pub(crate) async fn owe_announcement(
        &self,
        tx: &mut PgConnection,
        id: PayoutId,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "WITH owed AS (
                 INSERT INTO announcements (broadcaster_id, payout_id, message, state, due_at, created_at, updated_at)
                 VALUES ($1, $2, $3, 'pending', $4, $5, $5)
                 RETURNING broadcaster_id
             )
             SELECT pg_notify('mgm_announcements', broadcaster_id) FROM owed",
            self.broadcaster.as_str(),
            id.as_uuid(),
            announcement::text(&payout.character_name),
            now + FIRST_DUE_AFTER,
            now,
        )
        .fetch_one(tx)
        .await?;
        Ok(())
    }

    /// Claims this payout's announcement, whether due or not; `None` if it is not `Pending`. The claim is committed.
    pub async fn claim_announcement(
        &self,
        id: PayoutId,
        now: OffsetDateTime,
        lease: Duration,
    ) -> Result<Option<ClaimedAnnouncement>, StoreError> {
        retrying("claim_announcement", async || {
            let row = sqlx::query_as!(
                AnnouncementRow,
                "UPDATE announcements SET state = 'sending', attempts = attempts + 1, due_at = $4, updated_at = $3
                 WHERE broadcaster_id = $1 AND payout_id = $2 AND state = 'pending'
                 RETURNING payout_id, message, state, attempts, attempts_before_retry, due_at, detail,
                           may_have_been_said, created_at, updated_at",
                self.broadcaster.as_str(),
                id.as_uuid(),
                now,
                now + lease,
            )
            .fetch_optional(&self.pool)
            .await?;
            Ok(row.map(Into::into))
        })
        .await
    }

    /// Claims the announcement that has been due longest, skipping those that others are claiming.
    pub async fn claim_due_announcement(
        &self,
        now: OffsetDateTime,
        lease: Duration,
    ) -> Result<Option<ClaimedAnnouncement>, StoreError> {
        retrying("claim_due_announcement", async || {
            let row = sqlx::query_as!(
                AnnouncementRow,
                "UPDATE announcements SET state = 'sending', attempts = attempts + 1, due_at = $3, updated_at = $2
                 WHERE broadcaster_id = $1 AND payout_id = (
                     SELECT payout_id FROM announcements
                     WHERE broadcaster_id = $1 AND state = 'pending' AND due_at <= $2
                     ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
                 RETURNING payout_id, message, state, attempts, attempts_before_retry, due_at, detail,
                           may_have_been_said, created_at, updated_at",
                self.broadcaster.as_str(),
                now,
                now + lease,
            )
            .fetch_optional(&self.pool)
            .await?;
            Ok(row.map(Into::into))
        })
        .await
    }

    /// When an announcement next becomes due or a lease next expires.
    pub async fn next_announcement_due(&self) -> Result<Option<OffsetDateTime>, StoreError> {
        let due = sqlx::query_scalar!(
            "SELECT due_at FROM announcements WHERE broadcaster_id = $1 AND state IN ('pending', 'sending')
             ORDER BY due_at LIMIT 1",
            self.broadcaster.as_str(),
        );
        Ok(due.fetch_optional(&self.pool).await?)
    }

    /// Records how a claimed attempt ended; returns the resulting state. If the lease has expired and the attempt was
    /// recorded as unknown, the caller can no longer settle it: the operator resolves what is unknown.
    pub async fn settle_announcement(
        &self,
        claimed: &ClaimedAnnouncement,
        delivery: Delivery,
        now: OffsetDateTime,
        jitter: f64,
    ) -> Result<AnnouncementState, StoreError> {
        let may_be_out = delivery.may_have_been_said();
        let attempt = Attempt { number: claimed.attempt, may_have_been_said: claimed.may_have_been_said };
        let settled = match announcement::after_delivery(delivery, attempt, now, jitter) {
            Next::Retry { at, reason } => self.postpone(claimed, &reason, may_be_out, now, at).await,
            Next::Settled(outcome) => {
                let (payout, claim) = (claimed.payout, Some(claimed.claim));
                let recorded = self.record("settle_announcement", payout, &outcome, may_be_out, claim, now).await;
                recorded.map(|announcement| announcement.state)
            }
        };
        match settled {
            Ok(state) => Ok(state),
            // Another process has the claim, or the attempt was recorded as unknown: that stands.
            Err(CommandError::Rejected(_)) => self.announcement_state(claimed.payout).await,
            Err(CommandError::Failed(error)) => Err(error),
        }
    }

    /// Records attempts whose lease has expired as unknown: the process is gone, and the message may have been said.
    /// Returns how many there were.
    pub async fn expire_leases(&self, now: OffsetDateTime) -> Result<Swept<u64>, StoreError> {
        let stale = async |(due_at, id): Place| {
            let rows = sqlx::query!(
                "SELECT payout_id, attempts, due_at FROM announcements
                 WHERE broadcaster_id = $1 AND state = 'sending' AND due_at <= $2 AND (due_at, payout_id) > ($3, $4)
                 ORDER BY due_at, payout_id LIMIT $5",
                self.broadcaster.as_str(),
                now,
                due_at,
                id,
                SWEPT_AT_ONCE,
            );
            let rows = rows.fetch_all(&self.pool).await?.into_iter();
            Ok(rows
                .map(|row| ((row.due_at, row.payout_id), (PayoutId::from_uuid(row.payout_id), row.attempts)))
                .collect())
        };
        let reason = "the process that was sending it ended, or lost the database".to_owned();
        let outcome = Outcome::Unknown { reason };
        let expire = async |(id, claim)| {
            self.record("expire_lease", id, &outcome, true, Some(claim), now).await?;
            Ok(Some(()))
        };
        Ok(sweep(stale, expire).await?.count())
    }

    /// Retries an announcement that failed, was dropped or is unknown, at the operator's request. A payout that owes no
    /// announcement has none to retry.
    pub async fn retry_announcement(&self, id: PayoutId, now: OffsetDateTime) -> Result<Announcement, CommandError> {
        self.record("retry_announcement", id, &Outcome::Retried, false, None, now).await
    }

    /// Records the operator's answer whether an unknown announcement was said.
    pub async fn resolve_announcement(
        &self,
        id: PayoutId,
        announced: bool,
        now: OffsetDateTime,
    ) -> Result<Announcement, CommandError> {
        self.record("resolve_announcement", id, &Outcome::Resolved { announced }, false, None, now).await
    }

    /// The announcement of a payout.
    pub async fn announcement(&self, id: PayoutId) -> Result<Option<Announcement>, StoreError> {
        let row = sqlx::query_as!(
            AnnouncementRow,
            "SELECT payout_id, message, state, attempts, attempts_before_retry, due_at, detail,
                    may_have_been_said, created_at, updated_at
             FROM announcements WHERE broadcaster_id = $1 AND payout_id = $2",
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Announcement::try_from).transpose()
    }

    /// The announcements in a state, or all of them, oldest first; at most `limit` of those after `after` in that
    /// order.
    pub async fn announcements(
        &self,
        state: Option<AnnouncementState>,
        after: Option<&Announcement>,
        limit: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        let start = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
        let (created_at, id) = after.map_or(start, |after| (after.created_at, after.payout.as_uuid()));
        // Each statement walks its own index; one statement for both could only use the index of all announcements.
        let rows = match state {
            Some(state) => {
                sqlx::query_as!(
                    AnnouncementRow,
                    "SELECT payout_id, message, state, attempts, attempts_before_retry, due_at, detail,
                            may_have_been_said, created_at, updated_at
                     FROM announcements
                     WHERE broadcaster_id = $1 AND state = $2 AND (created_at, payout_id) > ($3, $4)
                     ORDER BY created_at, payout_id LIMIT $5",
                    self.broadcaster.as_str(),
                    state.as_str(),
                    created_at,
                    id,
                    i64::from(limit),
                )
                .fetch_all(&self.pool)
                .await?
            }
            None => {
                sqlx::query_as!(
                    AnnouncementRow,
                    "SELECT payout_id, message, state, attempts, attempts_before_retry, due_at, detail,
                            may_have_been_said, created_at, updated_at
                     FROM announcements
                     WHERE broadcaster_id = $1 AND created_at >= $2 AND (created_at, payout_id) > ($2, $3)
                     ORDER BY created_at, payout_id LIMIT $4",
                    self.broadcaster.as_str(),
                    created_at,
                    id,
                    i64::from(limit),
                )
                .fetch_all(&self.pool)
                .await?
            }
        };
        rows.into_iter().map(Announcement::try_from).collect()
    }

    async fn announcement_state(&self, id: PayoutId) -> Result<AnnouncementState, StoreError> {
        let announcement = self.announcement(id).await?.ok_or("there is no such row");
        Ok(Origin::row(TABLE, id).column("payout_id", announcement)?.state)
    }

    async fn postpone(
        &self,
        claimed: &ClaimedAnnouncement,
        reason: &str,
        may_have_been_said: bool,
        now: OffsetDateTime,
        due: OffsetDateTime,
    ) -> Result<AnnouncementState, CommandError> {
        retrying("postpone_announcement", async || {
            let postponed = sqlx::query!(
                "WITH postponed AS (
                     UPDATE announcements
                     SET state = 'pending', due_at = $4, detail = $6, updated_at = $3,
                         may_have_been_said = may_have_been_said OR $7
                     WHERE broadcaster_id = $1 AND payout_id = $2 AND state = 'sending' AND attempts = $5
                     RETURNING broadcaster_id
                 )
                 SELECT pg_notify('mgm_announcements', broadcaster_id) FROM postponed",
                self.broadcaster.as_str(),
                claimed.payout.as_uuid(),
                now,
                due,
                claimed.claim,
                reason,
                may_have_been_said,
            )
            .fetch_optional(&self.pool)
            .await?;
            if postponed.is_some() { Ok(AnnouncementState::Pending) } else { Err(Rejection::InvalidState.into()) }
        })
        .await
    }

    /// Records an outcome: the event, the projection and the obligation in one transaction. The outcome of a `claim` is
    /// accepted only while the claim stands. `may_have_been_said` describes the attempt that this outcome ends.
    async fn record(
        &self,
        name: &'static str,
        id: PayoutId,
        outcome: &Outcome,
        may_have_been_said: bool,
        claim: Option<i32>,
        now: OffsetDateTime,
    ) -> Result<Announcement, CommandError> {
        let state = announcement::state_after(outcome);
        // The operator's answer does not change why the last attempt did not announce, unless the answer is that it
        // did.
        let (keeps_detail, detail) = match outcome {
            Outcome::Dropped { reason } | Outcome::Unknown { reason } | Outcome::Failed { reason } => {
                (false, Some(reason))
            }
            Outcome::Announced { detail, .. } => (false, detail.as_ref()),
            Outcome::Resolved { announced: true } => (false, None),
            Outcome::Retried | Outcome::Resolved { announced: false } => (true, None),
        };
        self.transaction(name, async |tx: &mut PgConnection| {
            let stream = self.lock_payout(tx, id).await?;
            stream.state.as_ref().and_then(Payout::announcement).ok_or(Rejection::NotFound)?;
            let command = PayoutCommand::RecordAnnouncement { outcome: outcome.clone(), at: now };
            let events = decide(stream.state.as_ref(), command)?;
            self.append(tx, stream, &events, now).await?;
            // The function is called for the row that is written.
            let row = sqlx::query_as!(
                AnnouncementRow,
                "WITH written AS (
                     UPDATE announcements SET state = $3, detail = CASE WHEN $7 THEN detail ELSE $4 END,
                            may_have_been_said = may_have_been_said OR $8, due_at = $5, updated_at = $5,
                            attempts_before_retry = CASE WHEN $3 = 'pending' THEN attempts ELSE attempts_before_retry END
                     WHERE broadcaster_id = $1 AND payout_id = $2
                       AND ($6::integer IS NULL OR (state = 'sending' AND attempts = $6))
                     RETURNING *
                 )
                 SELECT payout_id, message, state, attempts, attempts_before_retry, due_at, detail,
                        may_have_been_said, created_at, updated_at
                 FROM written, pg_notify('mgm_announcements', broadcaster_id)",
                self.broadcaster.as_str(),
                id.as_uuid(),
                state.as_str(),
                detail,
                now,
                claim,
                keeps_detail,
                may_have_been_said,
            )
            .fetch_optional(&mut *tx)
            .await?;
            Ok(Announcement::try_from(row.ok_or(Rejection::InvalidState)?)?)
        })
        .await
    }
}
