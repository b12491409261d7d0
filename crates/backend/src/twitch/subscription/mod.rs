//! Maintains the chat subscription: creates or repairs it at start, and creates it again when Twitch has ended it. One
//! process at a time does so, by a lease in the database; every process shows its state.

mod decision;
mod fault;

use std::{sync::Arc, time::Duration};

use mgm_domain::Backoff;
use mgm_store::{ChatSubscription, Store, StoreError, SubscriptionState};
use mgm_system::{Clock, RandomSource};
use mgm_twitch::{
    eventsub::{CHANNEL_CHAT_MESSAGE, SigningSecrets},
    helix::{Credentials, Helix, SubscriptionRequest},
    oauth::OAuth,
};
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::timeout};
use url::Url;
use uuid::Uuid;

use self::{
    decision::{Decision, Wanted, decide},
    fault::Fault,
};
use super::clients::TwitchClients;
use crate::{config::BackendConfig, metrics};

/// How long a check may take, and how much longer the lease lasts.
const LOOK_TIME: Duration = Duration::from_secs(50);
const LEASE_MARGIN: Duration = Duration::from_secs(10);
/// How often an enabled subscription is checked.
const CHECK: Duration = Duration::from_secs(600);
/// How soon a subscription is checked again while Twitch verifies it.
const VERIFICATION: Duration = Duration::from_secs(2);
/// The pauses after an error that may pass by itself.
const PASSING: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(300) };
/// The pauses after a refusal, which will hardly pass by itself.
const REFUSED: Backoff = Backoff { first: Duration::from_secs(60), longest: Duration::from_secs(900) };

/// Maintains the chat subscription, if the settings say so, and shows its state.
#[derive(Debug)]
pub struct SubscriptionKeeper {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<RandomSource>,
    holder: Uuid,
    managed: Option<Managed>,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Managed {
    helix: Helix,
    oauth: OAuth,
    client_id: String,
    broadcaster: String,
    callback: Url,
    secret: SecretString,
    secret_fingerprint: String,
}

/// What this process remembers; no other process needs it.
#[derive(Debug, Default)]
struct Memory {
    has_looked: bool,
    has_decided: bool,
    app_token: Option<SecretString>,
}

impl SubscriptionKeeper {
    pub(crate) fn new(
        clients: &TwitchClients,
        config: &BackendConfig,
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<RandomSource>,
    ) -> Self {
        let twitch = &config.twitch;
        let managed = twitch.subscription.as_ref().zip(twitch.client.as_ref()).and_then(|(wanted, client)| {
            let secrets: SigningSecrets = std::iter::once(&wanted.secret).collect();
            Some(Managed {
                helix: clients.helix.clone()?,
                oauth: clients.oauth.clone()?,
                client_id: client.id.clone(),
                broadcaster: config.broadcaster.to_string(),
                callback: wanted.callback.as_url().clone(),
                secret_fingerprint: secrets.fingerprint(config.broadcaster.as_str().as_bytes())?,
                secret: wanted.secret.text().clone(),
            })
        });
        let holder = random.uuid();
        Self { store, clock, random, holder, managed, memory: Mutex::default() }
    }

    /// Whether this process maintains the subscription.
    #[must_use]
    pub const fn is_managed(&self) -> bool {
        self.managed.is_some()
    }

    /// Shows the subscription's state and, if a check is due and no other process has the lease, makes it.
    pub async fn round(&self) -> Result<(), StoreError> {
        let known = self.store.chat_subscription().await?;
        show(known.as_ref());
        let Some(managed) = &self.managed else { return Ok(()) };
        let mut memory = self.memory.lock().await;
        let now = self.clock.now();
        if memory.has_looked && known.is_some_and(|known| now < known.due_at) {
            return Ok(());
        }
        let until = now + LOOK_TIME + LEASE_MARGIN;
        let Some(mut known) = self.store.lease_chat_subscription(self.holder, now, until).await? else {
            return Ok(());
        };
        memory.has_looked = true;
        let looked = timeout(LOOK_TIME, self.look(managed, &mut known, &mut memory)).await;
        let looked = looked.unwrap_or_else(|_| Err(Fault::passing("Twitch takes too long to answer".to_owned())));
        let settled = match looked {
            Ok(()) => Ok(()),
            Err(fault) => self.note(&mut known, fault).await,
        };
        self.store.release_chat_subscription(self.holder).await?;
        show(Some(&known));
        settled
    }

    async fn look(&self, managed: &Managed, known: &mut ChatSubscription, memory: &mut Memory) -> Result<(), Fault> {
        let mut app = managed.app_credentials(memory).await?;
        let found = match managed.helix.eventsub_subscriptions(CHANNEL_CHAT_MESSAGE, &app).await {
            Err(error) if error.is_unauthorized() => {
                memory.app_token = None;
                app = managed.app_credentials(memory).await?;
                managed.helix.eventsub_subscriptions(CHANNEL_CHAT_MESSAGE, &app).await?
            }
            answer => answer?,
        };
        let wanted = Wanted {
            broadcaster: &managed.broadcaster,
            callback: &managed.callback,
            secret_fingerprint: &managed.secret_fingerprint,
        };
        let at_start = !memory.has_decided;
        let decision = decide(known, wanted, &found, at_start);
        memory.has_decided = true;
        match decision {
            Decision::Keep { id, is_enabled, delete } => {
                self.delete(managed, &app, &delete).await?;
                self.keep(known, id, is_enabled).await
            }
            Decision::Report { reason } => {
                let due_at = self.clock.now() + CHECK;
                self.write(known, |next| {
                    (next.state, next.reason, next.due_at) = (SubscriptionState::Revoked, Some(reason), due_at);
                })
                .await
            }
            Decision::Make { reason, .. } if !at_start && self.clock.now() < known.create_after => {
                self.write(known, |next| {
                    if next.state != SubscriptionState::Revoked {
                        next.state = SubscriptionState::Failed;
                    }
                    next.reason = reason.or(next.reason.take());
                    next.due_at = next.create_after;
                })
                .await
            }
            Decision::Make { delete, .. } => {
                self.delete(managed, &app, &delete).await?;
                self.make(managed, &app, known).await
            }
        }
    }

    async fn keep(&self, known: &mut ChatSubscription, id: String, is_enabled: bool) -> Result<(), Fault> {
        let now = self.clock.now();
        let was_enabled = known.state == SubscriptionState::Enabled;
        let (state, due_at) = if is_enabled {
            (SubscriptionState::Enabled, now + CHECK)
        } else {
            (SubscriptionState::Pending, now + VERIFICATION)
        };
        // Enabled for a while: earlier attempts no longer count.
        let attempts = if is_enabled && was_enabled { 0 } else { known.attempts };
        if is_enabled && !was_enabled {
            tracing::info!(subscription = id, "the subscription to chat is enabled");
        }
        self.write(known, |next| {
            (next.state, next.reason, next.id) = (state, None, Some(id));
            (next.attempts, next.due_at) = (attempts, due_at);
        })
        .await
    }

    /// Requests a subscription. The request and its secret's fingerprint are stored first, so that the subscription is
    /// recognised even if the answer is lost.
    async fn make(&self, managed: &Managed, app: &Credentials, known: &mut ChatSubscription) -> Result<(), Fault> {
        let attempts = known.attempts.saturating_add(1);
        let create_after = self.after(attempts, PASSING);
        self.write(known, |next| {
            (next.state, next.id) = (SubscriptionState::Creating, None);
            next.secret_fingerprint = Some(managed.secret_fingerprint.clone());
            (next.attempts, next.create_after) = (attempts, create_after);
        })
        .await?;
        let wanted = SubscriptionRequest {
            kind: CHANNEL_CHAT_MESSAGE,
            broadcaster_user_id: &managed.broadcaster,
            user_id: &managed.broadcaster,
            callback: managed.callback.as_str(),
            secret: &managed.secret,
        };
        let made = managed.helix.create_eventsub_subscription(&wanted, app).await?;
        let due_at = self.clock.now() + VERIFICATION;
        match made {
            Some(made) => {
                count("made");
                tracing::info!(
                    subscription = made.id(),
                    "a subscription to chat was made; Twitch verifies the callback"
                );
                self.write(known, |next| {
                    (next.state, next.reason) = (SubscriptionState::Pending, None);
                    (next.id, next.due_at) = (Some(made.id().to_owned()), due_at);
                })
                .await
            }
            // 409: it already exists. The next check will find it.
            None => self.write(known, |next| next.due_at = due_at).await,
        }
    }

    async fn delete(&self, managed: &Managed, app: &Credentials, ids: &[String]) -> Result<(), Fault> {
        for id in ids {
            managed.helix.delete_eventsub_subscription(id, app).await?;
            count("deleted");
            tracing::info!(subscription = id, "a subscription to chat that is not as it should be was deleted");
        }
        Ok(())
    }

    /// Stores the error, and when to check again.
    async fn note(&self, known: &mut ChatSubscription, fault: Fault) -> Result<(), StoreError> {
        let attempts = known.attempts.saturating_add(1);
        let (reason, due_at) = match fault {
            Fault::Store(error) => return Err(error),
            Fault::Overtaken => return Ok(()),
            Fault::Passing { reason, not_before } => {
                tracing::warn!(reason, attempts, "the subscription to chat could not be looked after");
                let due_at = self.after(attempts, PASSING);
                (reason, not_before.map_or(due_at, |not_before| due_at.max(not_before)))
            }
            Fault::Refused { reason } => {
                tracing::error!(reason, attempts, "Twitch refuses what the subscription to chat needs");
                (reason, self.after(attempts, REFUSED))
            }
        };
        count("failed");
        let noted = self.write(known, |next| {
            match next.state {
                // Our not being able to ask does not change what is known of it.
                SubscriptionState::Enabled | SubscriptionState::Pending | SubscriptionState::Revoked => {}
                SubscriptionState::Creating | SubscriptionState::Failed => {
                    (next.state, next.reason) = (SubscriptionState::Failed, Some(reason));
                }
            }
            (next.attempts, next.due_at) = (attempts, due_at);
        });
        match noted.await {
            Err(Fault::Store(error)) => Err(error),
            Ok(()) | Err(Fault::Overtaken | Fault::Passing { .. } | Fault::Refused { .. }) => Ok(()),
        }
    }

    async fn write(
        &self,
        known: &mut ChatSubscription,
        change: impl FnOnce(&mut ChatSubscription),
    ) -> Result<(), Fault> {
        let mut next = known.clone();
        change(&mut next);
        if !self.store.update_chat_subscription(self.holder, &next, self.clock.now()).await? {
            return Err(Fault::Overtaken);
        }
        *known = next;
        Ok(())
    }

    fn after(&self, attempts: u32, backoff: Backoff) -> OffsetDateTime {
        self.clock.now() + backoff.delay(attempts, self.random.fraction())
    }
}

impl Managed {
    async fn app_credentials(&self, memory: &mut Memory) -> Result<Credentials, Fault> {
        let token = match &memory.app_token {
            Some(token) => token.clone(),
            None => memory.app_token.insert(self.oauth.app_token().await?).clone(),
        };
        Credentials::new(&self.client_id, &token).map_err(|error| Fault::passing(error.to_string()))
    }
}

fn count(change: &'static str) {
    metrics::eventsub_subscription_changes(change).increment(1);
}

/// Shows the state in the metrics.
fn show(known: Option<&ChatSubscription>) {
    let is = |state: SubscriptionState| f64::from(u8::from(known.is_some_and(|known| known.state == state)));
    metrics::eventsub_subscription_revoked().set(is(SubscriptionState::Revoked));
    metrics::eventsub_subscription_enabled().set(is(SubscriptionState::Enabled));
}
