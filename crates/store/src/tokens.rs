//! The broadcaster's tokens as Twitch last renewed them, one pair per grant.

use std::time::Duration;

use mgm_domain::BroadcasterId;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::{
    Store, StoreError,
    transaction::{Held, retrying},
};

/// A pair of tokens. `Debug` shows neither.
#[derive(Debug, Clone)]
pub struct StoredTokens {
    /// The access token, which Helix calls carry.
    pub access: SecretString,
    /// The refresh token, which renews it.
    pub refresh: SecretString,
}

/// Twitch's refusal to renew a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRefusal {
    /// When Twitch refused, by our clock.
    pub at: OffsetDateTime,
    /// Twitch's reason.
    pub reason: String,
}

/// A pair whose row is locked, so that nobody else renews it meanwhile. Dropping it changes nothing.
#[derive(Debug)]
pub struct LockedTokens {
    /// The current pair.
    pub tokens: StoredTokens,
    /// The refusal of its refresh token, if Twitch refused it.
    pub refusal: Option<TokenRefusal>,
    broadcaster: BroadcasterId,
    grant: String,
    tx: Held,
}

impl Store {
    /// The stored pair of this grant, if there is one.
    pub async fn tokens(&self, grant: &str) -> Result<Option<StoredTokens>, StoreError> {
        let row = sqlx::query!(
            "SELECT access_token, refresh_token FROM twitch_tokens WHERE broadcaster_id = $1 AND grant_id = $2",
            self.broadcaster.as_str(),
            grant,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| StoredTokens { access: row.access_token.into(), refresh: row.refresh_token.into() }))
    }

    /// Locks the pair of this grant, or `configured` if none is stored. Waits for another holder at most `patience`; a
    /// holder whose machine is gone loses the lock after the same time.
    pub async fn lock_tokens(
        &self,
        grant: &str,
        configured: &StoredTokens,
        patience: Duration,
        now: OffsetDateTime,
    ) -> Result<LockedTokens, StoreError> {
        let mut tx = self.hold("renew_tokens").await?;
        let milliseconds = patience.as_millis().to_string();
        sqlx::query!(
            "SELECT set_config('lock_timeout', $1, true) AS waits,
                    set_config('idle_in_transaction_session_timeout', $1, true) AS holds",
            milliseconds,
        )
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query!(
            "INSERT INTO twitch_tokens (broadcaster_id, grant_id, access_token, refresh_token, updated_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            self.broadcaster.as_str(),
            grant,
            configured.access.expose_secret(),
            configured.refresh.expose_secret(),
            now,
        )
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query!(
            "SELECT access_token, refresh_token, refused_at, refusal FROM twitch_tokens
             WHERE broadcaster_id = $1 AND grant_id = $2 FOR UPDATE",
            self.broadcaster.as_str(),
            grant,
        )
        .fetch_one(&mut *tx)
        .await?;
        Ok(LockedTokens {
            tokens: StoredTokens { access: row.access_token.into(), refresh: row.refresh_token.into() },
            refusal: row.refused_at.zip(row.refusal).map(|(at, reason)| TokenRefusal { at, reason }),
            broadcaster: self.broadcaster.clone(),
            grant: grant.to_owned(),
            tx,
        })
    }

    /// Stores a renewed pair after the lock was lost. Replaces only the pair that it was renewed from; returns whether
    /// it did.
    pub async fn replace_tokens(
        &self,
        grant: &str,
        renewed_from: &StoredTokens,
        tokens: &StoredTokens,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        retrying("replace_tokens", async || {
            let written = sqlx::query!(
                "INSERT INTO twitch_tokens AS held (broadcaster_id, grant_id, access_token, refresh_token, updated_at)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (broadcaster_id, grant_id) DO UPDATE
                 SET access_token = $3, refresh_token = $4, updated_at = $5, refused_at = NULL, refusal = NULL
                 WHERE held.access_token = $6 AND held.refresh_token = $7",
                self.broadcaster.as_str(),
                grant,
                tokens.access.expose_secret(),
                tokens.refresh.expose_secret(),
                now,
                renewed_from.access.expose_secret(),
                renewed_from.refresh.expose_secret(),
            )
            .execute(&self.pool)
            .await?;
            Ok(written.rows_affected() > 0)
        })
        .await
    }
}

impl LockedTokens {
    /// Stores the renewed pair.
    pub async fn replace(mut self, tokens: &StoredTokens, now: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE twitch_tokens
             SET access_token = $3, refresh_token = $4, updated_at = $5, refused_at = NULL, refusal = NULL
             WHERE broadcaster_id = $1 AND grant_id = $2",
            self.broadcaster.as_str(),
            self.grant,
            tokens.access.expose_secret(),
            tokens.refresh.expose_secret(),
            now,
        )
        .execute(&mut *self.tx)
        .await?;
        self.tx.commit().await
    }

    /// Records that Twitch has refused the refresh token.
    pub async fn refuse(mut self, reason: &str, now: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE twitch_tokens SET refused_at = $3, refusal = $4, updated_at = $3
             WHERE broadcaster_id = $1 AND grant_id = $2",
            self.broadcaster.as_str(),
            self.grant,
            now,
            reason,
        )
        .execute(&mut *self.tx)
        .await?;
        self.tx.commit().await
    }

    /// Ends the lock without a change.
    pub async fn release(self) -> Result<(), StoreError> {
        self.tx.rollback().await
    }
}
