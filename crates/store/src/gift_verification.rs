//! Unverified gift requests, for which Twitch must be asked whether the viewer subscribes.
//!
//! A request is claimed, and the claim committed, before Twitch is called. Asking twice does no harm, so if the process
//! dies, the request is simply due again when its lease expires.

use std::time::Duration;

use mgm_domain::{
    GiftId, ViewerId,
    gift::{FailureReason, GiftCommand, TimeLimits},
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{CommandError, Store, StoreError, error::Origin, gifts::failure, transaction::retrying};

/// A verification that this process has claimed and must make now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedVerification {
    /// The request to verify.
    pub gift: GiftId,
    /// The viewer who made the request.
    pub viewer: ViewerId,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The number that distinguishes this claim from all others of the same request.
    claim: i32,
}

/// The outcome of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GiftVerdict {
    /// It is in the queue, at the place given by its time of receipt.
    Enqueued,
    /// It failed.
    Failed(FailureReason),
    /// It had already been decided elsewhere.
    AlreadyDecided,
}

impl Store {
    pub(crate) async fn owe_verification(
        &self,
        tx: &mut PgConnection,
        id: GiftId,
        viewer: &ViewerId,
        due_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO gift_verifications (broadcaster_id, gift_id, viewer_id, due_at) VALUES ($1, $2, $3, $4)",
            self.broadcaster.as_str(),
            id.as_uuid(),
            viewer.as_str(),
            due_at,
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub(crate) async fn forget_verification(&self, tx: &mut PgConnection, id: GiftId) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM gift_verifications WHERE broadcaster_id = $1 AND gift_id = $2",
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Claims the verification that has been due longest, skipping those that others are claiming. The claim is
    /// committed.
    pub async fn claim_verification(
        &self,
        now: OffsetDateTime,
        lease: Duration,
    ) -> Result<Option<ClaimedVerification>, StoreError> {
        retrying("claim_verification", async || {
            let row = sqlx::query!(
                "UPDATE gift_verifications SET attempts = attempts + 1, due_at = $3
                 WHERE broadcaster_id = $1 AND gift_id = (
                     SELECT gift_id FROM gift_verifications
                     WHERE broadcaster_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
                 RETURNING gift_id, viewer_id, attempts",
                self.broadcaster.as_str(),
                now,
                now + lease,
            )
            .fetch_optional(&self.pool)
            .await?;
            row.map(|row| {
                let verification = Origin::row("gift_verifications", row.gift_id);
                Ok(ClaimedVerification {
                    gift: GiftId::from_uuid(row.gift_id),
                    viewer: verification.column("viewer_id", ViewerId::parse(row.viewer_id))?,
                    attempt: row.attempts.unsigned_abs(),
                    claim: row.attempts,
                })
            })
            .transpose()
        })
        .await
    }

    /// Twitch gave no answer: the verification becomes due again at this time, unless another process has the claim.
    pub async fn postpone_verification(
        &self,
        claimed: &ClaimedVerification,
        due_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        retrying("postpone_verification", async || {
            sqlx::query!(
                "UPDATE gift_verifications SET due_at = $4
                 WHERE broadcaster_id = $1 AND gift_id = $2 AND attempts = $3",
                self.broadcaster.as_str(),
                claimed.gift.as_uuid(),
                claimed.claim,
                due_at,
            )
            .execute(&self.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// Records Twitch's answer whether the viewer subscribes.
    pub async fn verify_gift(
        &self,
        id: GiftId,
        is_subscriber: bool,
        limits: TimeLimits,
        now: OffsetDateTime,
    ) -> Result<GiftVerdict, StoreError> {
        match self.gift_command("verify_gift", id, GiftCommand::Verify { is_subscriber, at: now }, limits, now).await {
            Ok((_, events)) => {
                Ok(events.into_iter().find_map(failure).map_or(GiftVerdict::Enqueued, GiftVerdict::Failed))
            }
            Err(CommandError::Rejected(_)) => Ok(GiftVerdict::AlreadyDecided),
            Err(CommandError::Failed(error)) => Err(error),
        }
    }
}
