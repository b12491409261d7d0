//! The state of the chat subscription at Twitch, and the lease of the process that maintains it.

use std::str::FromStr;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError, error::Origin, transaction::retrying};

/// The only type of EventSub subscription in use.
const CHAT: &str = "channel.chat.message";

/// The state of the chat subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionState {
    /// Requested; not known to exist.
    Creating,
    /// Twitch is verifying the callback.
    Pending,
    /// Twitch sends notifications.
    Enabled,
    /// Ended by Twitch.
    Revoked,
    /// It cannot be created at present.
    Failed,
}

/// The chat subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSubscription {
    /// Its state.
    pub state: SubscriptionState,
    /// Why it was revoked, or cannot be created.
    pub reason: Option<String>,
    /// Twitch's id for it.
    pub id: Option<String>,
    /// A fingerprint of the secret that it was created with.
    pub secret_fingerprint: Option<String>,
    /// Attempts to create it, failed ones included, since it was last in order for a while.
    pub attempts: u32,
    /// It is not created again before this time, by our clock.
    pub create_after: OffsetDateTime,
    /// When to check it next, by our clock.
    pub due_at: OffsetDateTime,
    /// Revocations received so far.
    pub revocations: i32,
}

impl SubscriptionState {
    /// Its name in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Pending => "pending",
            Self::Enabled => "enabled",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for SubscriptionState {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        [Self::Creating, Self::Pending, Self::Enabled, Self::Revoked, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or("no such state of a subscription")
    }
}

impl Store {
    /// The state of the chat subscription; `None` if there has been none.
    pub async fn chat_subscription(&self) -> Result<Option<ChatSubscription>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "SELECT state, reason, subscription_id, secret_fingerprint, attempts, create_after, due_at, revocations
             FROM eventsub_subscriptions WHERE broadcaster_id = $1 AND subscription_type = $2",
            self.broadcaster.as_str(),
            CHAT,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(ChatSubscription::try_from).transpose()
    }

    /// Gives this process the lease of the chat subscription until `until`; `None` while another holds it.
    pub async fn lease_chat_subscription(
        &self,
        holder: Uuid,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<ChatSubscription>, StoreError> {
        retrying("lease_chat_subscription", async || {
            let row = sqlx::query_as!(
                Row,
                "INSERT INTO eventsub_subscriptions AS held
                        (broadcaster_id, subscription_type, state, create_after, due_at, lease_holder, lease_until, changed_at)
                 VALUES ($1, $2, 'creating', $4, $4, $3, $5, $4)
                 ON CONFLICT (broadcaster_id, subscription_type) DO UPDATE
                 SET lease_holder = excluded.lease_holder, lease_until = excluded.lease_until
                 WHERE held.lease_until IS NULL OR held.lease_until <= $4 OR held.lease_holder = $3
                 RETURNING state, reason, subscription_id, secret_fingerprint, attempts, create_after, due_at, revocations",
                self.broadcaster.as_str(),
                CHAT,
                holder,
                now,
                until,
            )
            .fetch_optional(&self.pool)
            .await?;
            row.map(ChatSubscription::try_from).transpose()
        })
        .await
    }

    /// Records what the holder has found or done. Returns false, and changes nothing, if another process has the lease
    /// by now or a revocation has arrived that `next` does not include.
    pub async fn update_chat_subscription(
        &self,
        holder: Uuid,
        next: &ChatSubscription,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        retrying("update_chat_subscription", async || {
            let written = sqlx::query!(
                "UPDATE eventsub_subscriptions
                 SET state = $4, reason = $5, subscription_id = $6, secret_fingerprint = $7, attempts = $8,
                     create_after = $9, due_at = $10, changed_at = CASE WHEN state = $4 THEN changed_at ELSE $11 END
                 WHERE broadcaster_id = $1 AND subscription_type = $2 AND lease_holder = $3 AND revocations = $12",
                self.broadcaster.as_str(),
                CHAT,
                holder,
                next.state.as_str(),
                next.reason,
                next.id,
                next.secret_fingerprint,
                i32::try_from(next.attempts).unwrap_or(i32::MAX),
                next.create_after,
                next.due_at,
                now,
                next.revocations,
            )
            .execute(&self.pool)
            .await?;
            Ok(written.rows_affected() > 0)
        })
        .await
    }

    /// Releases the lease, so that any process can take it.
    pub async fn release_chat_subscription(&self, holder: Uuid) -> Result<(), StoreError> {
        retrying("release_chat_subscription", async || {
            sqlx::query!(
                "UPDATE eventsub_subscriptions SET lease_holder = NULL, lease_until = NULL
                 WHERE broadcaster_id = $1 AND subscription_type = $2 AND lease_holder = $3",
                self.broadcaster.as_str(),
                CHAT,
                holder,
            )
            .execute(&self.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// Records that Twitch has revoked the subscription.
    pub async fn note_chat_subscription_revoked(&self, reason: &str, now: OffsetDateTime) -> Result<(), StoreError> {
        retrying("note_chat_subscription_revoked", async || {
            sqlx::query!(
                "INSERT INTO eventsub_subscriptions AS held
                        (broadcaster_id, subscription_type, state, reason, create_after, due_at, revocations, changed_at)
                 VALUES ($1, $2, 'revoked', $3, $4, $4, 1, $4)
                 ON CONFLICT (broadcaster_id, subscription_type) DO UPDATE
                 SET state = 'revoked', reason = $3, due_at = $4, revocations = held.revocations + 1, changed_at = $4",
                self.broadcaster.as_str(),
                CHAT,
                reason,
                now,
            )
            .execute(&self.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// Twitch has verified the callback of a subscription that is not maintained here, so it is enabled.
    pub async fn note_chat_subscription_verified(
        &self,
        id: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        retrying("note_chat_subscription_verified", async || {
            sqlx::query!(
                "INSERT INTO eventsub_subscriptions
                        (broadcaster_id, subscription_type, state, subscription_id, create_after, due_at, changed_at)
                 VALUES ($1, $2, 'enabled', $3, $4, $4, $4)
                 ON CONFLICT (broadcaster_id, subscription_type) DO UPDATE
                 SET state = 'enabled', reason = NULL, subscription_id = $3, secret_fingerprint = NULL, due_at = $4,
                     changed_at = $4",
                self.broadcaster.as_str(),
                CHAT,
                id,
                now,
            )
            .execute(&self.pool)
            .await?;
            Ok(())
        })
        .await
    }
}

struct Row {
    state: String,
    reason: Option<String>,
    subscription_id: Option<String>,
    secret_fingerprint: Option<String>,
    attempts: i32,
    create_after: OffsetDateTime,
    due_at: OffsetDateTime,
    revocations: i32,
}

impl TryFrom<Row> for ChatSubscription {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            state: Origin::row("eventsub_subscriptions", CHAT).parse("state", &row.state)?,
            reason: row.reason,
            id: row.subscription_id,
            secret_fingerprint: row.secret_fingerprint,
            attempts: row.attempts.unsigned_abs(),
            create_after: row.create_after,
            due_at: row.due_at,
            revocations: row.revocations,
        })
    }
}
