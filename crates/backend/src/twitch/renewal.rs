//! Renews the broadcaster's token: one process at a time, under the lock of its row.

use std::{sync::Arc, time::Duration};

use backon::Retryable;
use mgm_store::{LockedTokens, Store, StoreError, StoredTokens};
use mgm_system::Clock;
use mgm_twitch::oauth::{OAuth, TokenError, TokenPair};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use super::error::TokenTrouble;
use crate::{metrics, retry::persistently, text::printable};

/// How long to wait for another process's renewal; longer than the default timeout of its call.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(20);
/// How long a refused refresh token is not tried again; a process that starts later may try once.
const AFTER_REFUSAL: Duration = Duration::from_secs(600);
/// How long to wait after a fault of the token service.
const AFTER_FAULT: Duration = Duration::from_secs(5);
/// How long not to renew again after a new token was refused at its first use: expiry is not what is wrong with it.
const AFTER_FUTILITY: Duration = Duration::from_secs(600);
/// How often storing a renewed pair is retried.
const STORE_RETRIES: usize = 5;
/// The longest reason stored, in characters.
pub(super) const MAX_REASON: usize = 200;

/// Renews the broadcaster's token.
#[derive(Debug)]
pub(super) struct Renewal {
    oauth: OAuth,
    configured: StoredTokens,
    grant: String,
    store: Store,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    started: OffsetDateTime,
    turn: Mutex<Pause>,
}

/// Why renewal is not tried for a while.
#[derive(Debug, Default)]
struct Pause {
    fault: Option<(OffsetDateTime, String)>,
    futile: Option<(OffsetDateTime, SecretString)>,
}

impl Renewal {
    pub(super) fn new(
        oauth: OAuth,
        configured: StoredTokens,
        store: Store,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Self {
        let grant = oauth.grant(&configured.refresh);
        let started = clock.now();
        Self { oauth, configured, grant, store, clock, tasks, started, turn: Mutex::default() }
    }

    /// The most recently renewed access token, if there is one.
    pub(super) async fn renewed(&self) -> Result<Option<SecretString>, TokenTrouble> {
        let tokens = self.store.tokens(&self.grant).await.map_err(|error| self.without_database(&error))?;
        Ok(tokens.map(|tokens| tokens.access))
    }

    /// Replaces a token that Twitch no longer accepts; `None` if another would not help.
    ///
    /// Runs in a separate task: the caller may go away, but a pair that Twitch has issued must still be stored.
    pub(super) async fn renew(self: &Arc<Self>, rejected: SecretString) -> Result<Option<SecretString>, TokenTrouble> {
        let renewal = Arc::clone(self);
        let renewing = self.tasks.spawn(async move { renewal.in_turn(&rejected).await });
        renewing.await.unwrap_or_else(|_| Err(TokenTrouble::Unavailable("the process is ending".to_owned())))
    }

    /// Remembers that a renewed token was not accepted either.
    pub(super) async fn note_futile(&self, token: &SecretString) {
        tracing::warn!("Twitch answered 401 to a token just renewed: does it have the scopes that are needed?");
        self.turn.lock().await.futile = Some((self.clock.now() + AFTER_FUTILITY, token.clone()));
    }

    async fn in_turn(&self, rejected: &SecretString) -> Result<Option<SecretString>, TokenTrouble> {
        let mut pause = self.turn.lock().await;
        let now = self.clock.now();
        let locking = self.store.lock_tokens(&self.grant, &self.configured, LOCK_PATIENCE, now);
        let locked = locking.await.map_err(|error| self.without_database(&error))?;
        if let Some(answer) = self.without_asking(&locked, rejected, &pause) {
            self.release(locked).await;
            return answer;
        }
        match self.oauth.refresh(&locked.tokens.refresh).await {
            Ok(pair) => {
                count("renewed");
                *pause = Pause::default();
                let access = pair.access.clone();
                self.keep(locked, pair).await;
                Ok(Some(access))
            }
            Err(error @ TokenError::Refused { .. }) => {
                count("refused");
                let trouble = TokenTrouble::Refused(printable(&error.to_string(), MAX_REASON));
                tracing::error!(%trouble, "the broadcaster's token is not renewed");
                if let Err(error) = locked.refuse(&printable(&error.to_string(), MAX_REASON), self.clock.now()).await {
                    tracing::warn!(%error, "the refusal could not be written down");
                }
                Err(trouble)
            }
            Err(error @ TokenError::Unavailable(_)) => {
                count("unavailable");
                tracing::warn!(%error, "the broadcaster's token could not be renewed");
                let reason = printable(&error.to_string(), MAX_REASON);
                pause.fault = Some((self.clock.now() + AFTER_FAULT, reason.clone()));
                self.release(locked).await;
                Err(TokenTrouble::Unavailable(reason))
            }
        }
    }

    /// The result if Twitch need not be asked: the token was already renewed elsewhere, or asking is known not to help.
    fn without_asking(
        &self,
        locked: &LockedTokens,
        rejected: &SecretString,
        pause: &Pause,
    ) -> Option<Result<Option<SecretString>, TokenTrouble>> {
        let now = self.clock.now();
        if !is_same(&locked.tokens.access, rejected) {
            return Some(Ok(Some(locked.tokens.access.clone())));
        }
        if pause.futile.as_ref().is_some_and(|(until, token)| now < *until && is_same(token, rejected)) {
            return Some(Ok(None));
        }
        if let Some((_, reason)) = pause.fault.as_ref().filter(|(until, _)| now < *until) {
            return Some(Err(TokenTrouble::Unavailable(reason.clone())));
        }
        let refusal = locked.refusal.as_ref()?;
        let is_fresh = now < refusal.at + AFTER_REFUSAL && self.started <= refusal.at;
        is_fresh.then(|| Err(TokenTrouble::Refused(refusal.reason.clone())))
    }

    /// Stores a renewed pair. The previous pair may already be invalid, so this is retried patiently.
    async fn keep(&self, locked: LockedTokens, pair: TokenPair) {
        let (renewed_from, now) = (locked.tokens.clone(), self.clock.now());
        let tokens = StoredTokens { access: pair.access, refresh: pair.refresh };
        let Err(error) = locked.replace(&tokens, now).await else {
            return tracing::info!("the broadcaster's token was renewed");
        };
        tracing::warn!(%error, "the renewed token could not be stored; trying again");
        let store = async || self.store.replace_tokens(&self.grant, &renewed_from, &tokens, now).await;
        let stored = store.retry(persistently(STORE_RETRIES)).notify(|error, _| {
            tracing::warn!(%error, "the renewed token could not be stored; trying again");
        });
        let Err(error) = stored.await else {
            return tracing::info!("the broadcaster's token was renewed");
        };
        tracing::error!(
            %error,
            "the renewed token is lost; when Twitch refuses the one before, authorise the application again and set \
             Twitch__BroadcasterAccessToken and Twitch__BroadcasterRefreshToken anew"
        );
    }

    async fn release(&self, locked: LockedTokens) {
        if let Err(error) = locked.release().await {
            tracing::debug!(%error, "the lock of the token's row ends with its connection");
        }
    }

    fn without_database(&self, error: &StoreError) -> TokenTrouble {
        tracing::warn!(%error, broadcaster = %self.store.broadcaster(), "the stored token cannot be read");
        TokenTrouble::Unavailable("the database is not available".to_owned())
    }
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

fn count(outcome: &'static str) {
    metrics::token_renewals(outcome).increment(1);
}
