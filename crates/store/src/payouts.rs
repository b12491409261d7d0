//! Payouts: commands and queries.

use mgm_domain::{
    CharacterName, CycleId, EnrollmentRequestId, Gold, Payout, PayoutId, PayoutStatus, Rejection, ViewerId,
    payout::{Award, PayoutCommand, PayoutEvent, decide},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    CommandError, Store, StoreError,
    error::Origin,
    projection::{PayoutRow, Row as _},
    streams::Stream,
    sweep::{Place, SWEPT_AT_ONCE, Swept, sweep},
};

/// A payout as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutView {
    /// The payout's id.
    pub id: PayoutId,
    /// The winner.
    pub viewer: ViewerId,
    /// The winner's display name at the draw.
    pub display_name: String,
    /// The winner's character name at the draw.
    pub character_name: CharacterName,
    /// The amount.
    pub gold: Gold,
    /// `spin:<cycle>`.
    pub enrollment_request_id: EnrollmentRequestId,
    /// Its status.
    pub status: PayoutStatus,
    /// When it was awarded, by our clock.
    pub created_at: OffsetDateTime,
    /// Whether the announcement is known to be out.
    pub announced: bool,
}

impl PayoutView {
    pub(crate) fn of(id: PayoutId, payout: Payout) -> Self {
        Self {
            id,
            status: payout.status(),
            announced: payout.is_announced(),
            viewer: payout.viewer,
            display_name: payout.display_name,
            character_name: payout.character_name,
            gold: payout.gold,
            enrollment_request_id: payout.enrollment_request_id,
            created_at: payout.created_at,
        }
    }
}

impl TryFrom<PayoutRow> for PayoutView {
    type Error = StoreError;

    fn try_from(row: PayoutRow) -> Result<Self, StoreError> {
        let read = Origin::row(PayoutRow::TABLE, row.payout_id);
        let request = EnrollmentRequestId::parse(row.enrollment_request_id);
        Ok(Self {
            id: PayoutId::from_uuid(row.payout_id),
            viewer: read.column("viewer_id", ViewerId::parse(row.viewer_id))?,
            display_name: row.display_name,
            character_name: read.column("character_name", CharacterName::parse(&row.character_name))?,
            gold: Gold::new(read.column("gold", u32::try_from(row.gold))?),
            enrollment_request_id: read.column("enrollment_request_id", request)?,
            status: read.parse("status", &row.status)?,
            created_at: row.created_at,
            announced: row.announced,
        })
    }
}

impl Store {
    /// Finds a payout.
    pub async fn payout(&self, id: PayoutId) -> Result<Option<PayoutView>, StoreError> {
        let row = sqlx::query_as!(
            PayoutRow,
            "SELECT payout_id, version, viewer_id, display_name, character_name, gold, enrollment_request_id, status,
                    announced, created_at, accepted_at
             FROM payouts WHERE broadcaster_id = $1 AND payout_id = $2",
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(PayoutView::try_from).transpose()
    }

    /// The viewer's newest payout.
    pub async fn newest_payout(&self, viewer: &ViewerId) -> Result<Option<PayoutView>, StoreError> {
        let row = sqlx::query_as!(
            PayoutRow,
            "SELECT payout_id, version, viewer_id, display_name, character_name, gold, enrollment_request_id, status,
                    announced, created_at, accepted_at
             FROM payouts WHERE broadcaster_id = $1 AND viewer_id = $2
             ORDER BY created_at DESC, payout_id DESC LIMIT 1",
            self.broadcaster.as_str(),
            viewer.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(PayoutView::try_from).transpose()
    }

    /// The payouts in a status, oldest first; at most `limit` of those after `after` in that order.
    pub async fn payouts_with_status(
        &self,
        status: PayoutStatus,
        after: Option<&PayoutView>,
        limit: u32,
    ) -> Result<Vec<PayoutView>, StoreError> {
        let start = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
        let (created_at, id) = after.map_or(start, |payout| (payout.created_at, payout.id.as_uuid()));
        let rows = sqlx::query_as!(
            PayoutRow,
            "SELECT payout_id, version, viewer_id, display_name, character_name, gold, enrollment_request_id, status,
                    announced, created_at, accepted_at
             FROM payouts WHERE broadcaster_id = $1 AND status = $2 AND (created_at, payout_id) > ($3, $4)
             ORDER BY created_at, payout_id LIMIT $5",
            self.broadcaster.as_str(),
            status.as_str(),
            created_at,
            id,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(PayoutView::try_from).collect()
    }

    /// Changes the status for the desktop program. `Sent` also removes the winner from the pool and records that the
    /// announcement is owed.
    pub async fn change_payout_status(
        &self,
        id: PayoutId,
        to: PayoutStatus,
        now: OffsetDateTime,
    ) -> Result<PayoutView, CommandError> {
        Ok(self.command("change_payout_status", id, PayoutCommand::ChangeStatus { to, at: now }, now).await?.0)
    }

    /// Records that the winner accepted.
    pub async fn confirm_acceptance(
        &self,
        id: PayoutId,
        character_name: CharacterName,
        now: OffsetDateTime,
    ) -> Result<PayoutView, CommandError> {
        Ok(self
            .command("confirm_acceptance", id, PayoutCommand::ConfirmAcceptance { character_name, at: now }, now)
            .await?
            .0)
    }

    /// Expires payouts that were created before `created_before` and are still active; returns how many.
    pub async fn expire_payouts(
        &self,
        created_before: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Swept<u64>, StoreError> {
        let stale = async |(created_at, id): Place| {
            let rows = sqlx::query!(
                "SELECT payout_id, created_at FROM payouts
                 WHERE broadcaster_id = $1 AND status IN ('Pending', 'InProgress') AND created_at <= $2
                   AND (created_at, payout_id) > ($3, $4)
                 ORDER BY created_at, payout_id LIMIT $5",
                self.broadcaster.as_str(),
                created_before,
                created_at,
                id,
                SWEPT_AT_ONCE,
            );
            let rows = rows.fetch_all(&self.pool).await?.into_iter();
            Ok(rows.map(|row| ((row.created_at, row.payout_id), PayoutId::from_uuid(row.payout_id))).collect())
        };
        let expire = async |id| {
            let (_, events) = self.command("expire_payout", id, PayoutCommand::Expire { at: now }, now).await?;
            // Another transaction may have ended it in the meantime.
            Ok((!events.is_empty()).then_some(()))
        };
        Ok(sweep(stale, expire).await?.count())
    }

    /// For the harness: awards a payout to a pool member in a cycle of its own, with the command that verification
    /// uses.
    pub async fn prepare_payout(
        &self,
        viewer: &ViewerId,
        cycle: CycleId,
        id: PayoutId,
        now: OffsetDateTime,
    ) -> Result<PayoutView, CommandError> {
        self.transaction("prepare_payout", async |tx: &mut PgConnection| {
            let known = self.lock_viewer(tx, viewer).await?;
            let member = known.member()?;
            let award = Award {
                viewer: viewer.clone(),
                display_name: member.display_name.clone(),
                character_name: member.character_name.clone(),
                enrollment_request_id: EnrollmentRequestId::of_spin(cycle),
                standing: known.standing,
                at: now,
            };
            self.award(tx, id, award).await
        })
        .await
    }

    /// Awards a payout. The viewer's row must be locked.
    pub(crate) async fn award(
        &self,
        tx: &mut PgConnection,
        id: PayoutId,
        award: Award,
    ) -> Result<PayoutView, CommandError> {
        let at = award.at;
        let events = decide(None, PayoutCommand::Award(award))?;
        let stream = self.append(tx, Stream::<Payout>::empty(id.as_uuid()), &events, at).await?;
        Ok(PayoutView::of(id, stream.state.ok_or(Rejection::NotFound)?))
    }

    /// Decides a command to an existing payout; returns its new state and the new events.
    async fn command(
        &self,
        name: &'static str,
        id: PayoutId,
        command: PayoutCommand,
        now: OffsetDateTime,
    ) -> Result<(PayoutView, Vec<PayoutEvent>), CommandError> {
        self.transaction(name, async |tx: &mut PgConnection| {
            let stream = self.lock_payout(tx, id).await?;
            let events = decide(stream.state.as_ref(), command.clone())?;
            let payout = self.append(tx, stream, &events, now).await?.state.ok_or(Rejection::NotFound)?;
            if events.iter().any(|event| matches!(event, PayoutEvent::Sent { .. })) {
                self.leave_pool(tx, &payout.viewer).await?;
                self.owe_announcement(tx, id, &payout, now).await?;
            }
            Ok((PayoutView::of(id, payout), events))
        })
        .await
    }

    /// Locks a payout's viewer and loads its stream.
    pub(crate) async fn lock_payout(
        &self,
        tx: &mut PgConnection,
        id: PayoutId,
    ) -> Result<Stream<Payout>, CommandError> {
        // See `lock_viewers`.
        sqlx::query_scalar!(
            "WITH winner AS (
                 SELECT viewer_id FROM payouts WHERE broadcaster_id = $1 AND payout_id = $2
             ), locked AS (
                 INSERT INTO viewers (broadcaster_id, viewer_id) SELECT $1, viewer_id FROM winner
                 ON CONFLICT (broadcaster_id, viewer_id) DO UPDATE SET viewer_id = EXCLUDED.viewer_id WHERE false
             )
             SELECT viewer_id FROM winner",
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Rejection::NotFound)?;
        Ok(self.load_stream(tx, id.as_uuid()).await?)
    }
}
