//! The commands to gift requests.
//!
//! A command locks the viewer's row and then the streamer's queue row, always in this order. Whoever holds the queue's
//! row also promotes the next request, if the command leaves none being served.

use mgm_domain::{
    Gift, GiftId, MessageId, Rejection, ViewerId,
    gift::{
        FailureReason, GiftCommand, GiftEvent, GiftStanding, GiftStatus, Request, SelectedItem, TimeLimits, decide,
    },
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    CommandError, GiftView, Store, StoreError,
    streams::Stream,
    sweep::{Place, SWEPT_AT_ONCE, Swept, sweep},
};

/// The outcome of a request by chat. Even a refusal is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiftRequestOutcome {
    /// The request was made.
    Requested,
    /// The chat message was processed before.
    AlreadyProcessed,
    /// The rules say no.
    Refused(Rejection),
}

impl Store {
    /// Makes a request, and promotes it if none is being served.
    pub async fn request_gift(
        &self,
        id: GiftId,
        request: &Request,
        limits: TimeLimits,
    ) -> Result<GiftView, CommandError> {
        let work = async |tx: &mut PgConnection| self.make_request(tx, id, request, limits).await;
        self.transaction("request_gift", work).await
    }

    /// Makes a request for a chat message, which is processed once, whatever its outcome.
    pub async fn request_gift_by_chat(
        &self,
        message: &MessageId,
        id: GiftId,
        request: &Request,
        limits: TimeLimits,
    ) -> Result<GiftRequestOutcome, StoreError> {
        self.transaction("request_gift_by_chat", async |tx: &mut PgConnection| {
            if !self.note_message(tx, message, request.at).await? {
                return Ok(GiftRequestOutcome::AlreadyProcessed);
            }
            match self.make_request(tx, id, request, limits).await {
                Ok(_) => Ok(GiftRequestOutcome::Requested),
                Err(CommandError::Rejected(refusal)) => Ok(GiftRequestOutcome::Refused(refusal)),
                Err(CommandError::Failed(error)) => Err(error),
            }
        })
        .await
    }

    /// The desktop program has the item for the request being served.
    pub async fn select_gift_item(
        &self,
        id: GiftId,
        item: SelectedItem,
        limits: TimeLimits,
        now: OffsetDateTime,
    ) -> Result<GiftView, CommandError> {
        let command = GiftCommand::SelectItem { item, confirm_within: limits.confirm, at: now };
        Ok(self.gift_command("select_gift_item", id, command, limits, now).await?.0)
    }

    /// The receiver has accepted or declined the gift.
    pub async fn confirm_gift(
        &self,
        id: GiftId,
        confirmed: bool,
        limits: TimeLimits,
        now: OffsetDateTime,
    ) -> Result<GiftView, CommandError> {
        Ok(self.gift_command("confirm_gift", id, GiftCommand::Confirm { confirmed, at: now }, limits, now).await?.0)
    }

    /// The desktop program gives the request up.
    pub async fn fail_gift(
        &self,
        id: GiftId,
        reason: FailureReason,
        limits: TimeLimits,
        now: OffsetDateTime,
    ) -> Result<GiftView, CommandError> {
        Ok(self.gift_command("fail_gift", id, GiftCommand::Fail { reason, at: now }, limits, now).await?.0)
    }

    /// Fails the requests that have timed out; returns them with the reasons. If several sweeps run at once, each
    /// request is returned by only one.
    pub async fn time_out_gifts(
        &self,
        limits: TimeLimits,
        now: OffsetDateTime,
    ) -> Result<Swept<Vec<(GiftId, FailureReason)>>, StoreError> {
        let passed = async |(timeout_at, id): Place| {
            let rows = sqlx::query!(
                r#"SELECT gift_id, timeout_at AS "timeout_at!" FROM gift_requests
                   WHERE broadcaster_id = $1 AND timeout_at <= $2 AND (timeout_at, gift_id) > ($3, $4)
                   ORDER BY timeout_at, gift_id LIMIT $5"#,
                self.broadcaster.as_str(),
                now,
                timeout_at,
                id,
                SWEPT_AT_ONCE,
            );
            let rows = rows.fetch_all(&self.pool).await?.into_iter();
            Ok(rows.map(|row| ((row.timeout_at, row.gift_id), GiftId::from_uuid(row.gift_id))).collect())
        };
        let time_out = async |id| {
            let (_, events) =
                self.gift_command("time_out_gift", id, GiftCommand::TimeOut { at: now }, limits, now).await?;
            Ok(events.into_iter().find_map(failure).map(|reason| (id, reason)))
        };
        sweep(passed, time_out).await
    }

    /// Decides a command to an existing request; returns its new state and the new events.
    pub(crate) async fn gift_command(
        &self,
        name: &'static str,
        id: GiftId,
        command: GiftCommand,
        limits: TimeLimits,
        now: OffsetDateTime,
    ) -> Result<(GiftView, Vec<GiftEvent>), CommandError> {
        self.transaction(name, async |tx: &mut PgConnection| {
            let stream = self.lock_gift(tx, id).await?;
            let events = decide(stream.state.as_ref(), command.clone())?;
            let was_unverified = status(&stream) == Some(GiftStatus::Unverified);
            let stream = self.append(tx, stream, &events, now).await?;
            if was_unverified && status(&stream) != Some(GiftStatus::Unverified) {
                self.forget_verification(tx, id).await?;
            }
            let promoted = self.promote_next(tx, limits, now).await?.filter(|next| next.id == stream.id);
            Ok((self.view_of(tx, promoted.unwrap_or(stream)).await?, events))
        })
        .await
    }

    async fn make_request(
        &self,
        tx: &mut PgConnection,
        id: GiftId,
        request: &Request,
        limits: TimeLimits,
    ) -> Result<GiftView, CommandError> {
        self.lock_viewers(tx, std::slice::from_ref(&request.viewer)).await?;
        // An unverified request is in no queue yet.
        if request.is_verified {
            self.lock_gift_queue(tx).await?;
        }
        let standing = self.gift_standing(tx, &request.viewer).await?;
        let events = decide(None, GiftCommand::Request { request: request.clone(), standing })?;
        let mut stream = self.append(tx, Stream::empty(id.as_uuid()), &events, request.at).await?;
        if request.is_verified {
            let promoted = self.promote_next(tx, limits, request.at).await?.filter(|next| next.id == stream.id);
            stream = promoted.unwrap_or(stream);
        } else {
            self.owe_verification(tx, id, &request.viewer, request.at).await?;
        }
        self.view_of(tx, stream).await
    }

    /// What the viewer, whose row is locked, already has.
    async fn gift_standing(&self, tx: &mut PgConnection, viewer: &ViewerId) -> Result<GiftStanding, StoreError> {
        let row = sqlx::query!(
            r#"SELECT (SELECT gift_id FROM gift_requests
                       WHERE broadcaster_id = $1 AND viewer_id BETWEEN $2 AND $2
                         AND state IN ('Unverified', 'Pending', 'SelectingItem', 'WaitingConfirmation')
                       ORDER BY viewer_id LIMIT 1) IS NOT NULL AS "open!",
                      (SELECT gift_id FROM gift_requests
                       WHERE broadcaster_id = $1 AND viewer_id BETWEEN $2 AND $2 AND state = 'Completed'
                       ORDER BY viewer_id LIMIT 1) IS NOT NULL AS "completed!""#,
            self.broadcaster.as_str(),
            viewer.as_str(),
        )
        .fetch_one(tx)
        .await?;
        Ok(GiftStanding { has_open_request: row.open, has_completed: row.completed })
    }

    /// Locks a request's viewer and the queue, and loads the request's stream.
    async fn lock_gift(&self, tx: &mut PgConnection, id: GiftId) -> Result<Stream<Gift>, CommandError> {
        // See `lock_viewers`.
        sqlx::query_scalar!(
            "WITH receiver AS (
                 SELECT viewer_id FROM gift_requests WHERE broadcaster_id = $1 AND gift_id = $2
             ), locked AS (
                 INSERT INTO viewers (broadcaster_id, viewer_id) SELECT $1, viewer_id FROM receiver
                 ON CONFLICT (broadcaster_id, viewer_id) DO UPDATE SET viewer_id = EXCLUDED.viewer_id WHERE false
             )
             SELECT viewer_id FROM receiver",
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Rejection::NotFound)?;
        self.lock_gift_queue(tx).await?;
        Ok(self.load_stream(tx, id.as_uuid()).await?)
    }

    /// Locks the streamer's queue until the transaction ends. Always after the viewer's row.
    pub(crate) async fn lock_gift_queue(&self, tx: &mut PgConnection) -> Result<(), StoreError> {
        // A conflicting row is locked even if the condition prevents the update.
        sqlx::query!(
            "INSERT INTO gift_queues (broadcaster_id) VALUES ($1)
             ON CONFLICT (broadcaster_id) DO UPDATE SET broadcaster_id = EXCLUDED.broadcaster_id WHERE false",
            self.broadcaster.as_str(),
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Promotes the oldest `Pending` request if none is being served; returns its id. The queue must be locked; the row
    /// of the request's viewer need not be, since whether they have an open request does not change.
    async fn promote_next(
        &self,
        tx: &mut PgConnection,
        limits: TimeLimits,
        now: OffsetDateTime,
    ) -> Result<Option<Stream<Gift>>, CommandError> {
        let next = sqlx::query_scalar!(
            "SELECT gift_id FROM gift_requests
             WHERE broadcaster_id = $1 AND state = 'Pending' AND NOT EXISTS (
                 SELECT FROM gift_requests
                 WHERE broadcaster_id = $1 AND state IN ('SelectingItem', 'WaitingConfirmation'))
             ORDER BY created_at, gift_id LIMIT 1",
            self.broadcaster.as_str(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(id) = next else {
            return Ok(None);
        };
        let next = self.load_stream::<Gift>(tx, id).await?;
        let command = GiftCommand::Promote { select_within: limits.select, at: now };
        let events = decide(next.state.as_ref(), command)?;
        Ok(Some(self.append(tx, next, &events, now).await?))
    }
}

fn status(stream: &Stream<Gift>) -> Option<GiftStatus> {
    stream.state.as_ref().map(|gift| gift.state.status())
}

/// The reason, if the event is a failure.
pub(crate) fn failure(event: GiftEvent) -> Option<FailureReason> {
    match event {
        GiftEvent::Failed { reason, .. } => Some(reason),
        GiftEvent::Requested { .. }
        | GiftEvent::Verified { .. }
        | GiftEvent::Promoted { .. }
        | GiftEvent::ItemSelected { .. }
        | GiftEvent::Completed { .. } => None,
    }
}
