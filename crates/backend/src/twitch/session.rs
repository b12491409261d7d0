//! Calls to Helix on behalf of the broadcaster. All of them go through here, so that any of them can notice that Twitch
//! no longer accepts the token, and renew it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mgm_domain::BroadcasterId;
use mgm_store::{Store, StoredTokens};
use mgm_system::Clock;
use mgm_twitch::{
    helix::{Correlation, Credentials, Helix, SendOutcome},
    oauth::Validator,
};
use secrecy::SecretString;
use tokio_util::task::TaskTracker;

use super::{
    clients::TwitchClients,
    error::{AskError, SendError, TokenTrouble},
    lease::Lease,
    needs::{Findings, Needs},
    renewal::{self, Renewal},
};
use crate::{config::BackendConfig, text::printable};

/// Calls to Helix with the broadcaster's token. Cheap to clone.
///
/// A call that is answered 401 had no effect. If the token can be renewed, it is, and the call is made once more.
#[derive(Debug, Clone)]
pub struct HelixSession(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    helix: Helix,
    broadcaster: BroadcasterId,
    client_id: String,
    access: SecretString,
    timeout: Duration,
    renewal: Option<Arc<Renewal>>,
    validator: Option<Validator>,
    needs: Needs,
    missing_scopes: Mutex<Vec<&'static str>>,
}

impl HelixSession {
    /// A session from the configuration; without the broadcaster's token every call ends in [`TokenTrouble::NotSet`].
    pub(crate) fn new(
        clients: &TwitchClients,
        config: &BackendConfig,
        store: &Store,
        clock: &Arc<dyn Clock>,
        tasks: &TaskTracker,
    ) -> Self {
        let Some((helix, tokens)) = clients.helix.clone().zip(config.twitch.broadcaster.as_ref()) else {
            return Self(None);
        };
        let renewal = clients.oauth.clone().zip(tokens.refresh.as_ref()).map(|(oauth, refresh)| {
            let configured = StoredTokens { access: tokens.access.clone(), refresh: refresh.clone() };
            Arc::new(Renewal::new(oauth, configured, store.clone(), Arc::clone(clock), tasks.clone()))
        });
        Self(Some(Arc::new(Inner {
            helix,
            broadcaster: config.broadcaster.clone(),
            client_id: tokens.client_id.clone(),
            access: tokens.access.clone(),
            timeout: config.twitch.timeout,
            renewal,
            validator: clients.validator.clone(),
            needs: Needs::new(&tokens.client_id, config),
            missing_scopes: Mutex::default(),
        })))
    }

    /// Posts `text` to the broadcaster's chat, as the broadcaster. It is sent at most once, and a call begins only if
    /// it must end before the `lease` does, however long reading and renewing tokens took.
    pub async fn send_chat_message(
        &self,
        text: &str,
        lease: &Lease,
        correlation: &Correlation,
    ) -> Result<SendOutcome, SendError> {
        let session = self.session()?;
        let broadcaster = session.broadcaster.as_str();
        let mut attempt = session.attempt().await?;
        loop {
            lease.leaves(session.timeout)?;
            let sending =
                session.helix.send_chat_message(broadcaster, broadcaster, text, &attempt.credentials, correlation);
            let outcome = sending.await;
            let is_unauthorized = matches!(outcome, SendOutcome::Refused { status: 401, .. });
            if !is_unauthorized || !session.renew(&mut attempt).await? {
                return Ok(outcome);
            }
        }
    }

    /// Asks whether the viewer subscribes to the broadcaster. An error does not mean no.
    pub async fn is_subscribed(&self, user_id: &str, correlation: &Correlation) -> Result<bool, AskError> {
        let session = self.session()?;
        let broadcaster = session.broadcaster.as_str();
        let mut attempt = session.attempt().await?;
        loop {
            match session.helix.is_subscribed(broadcaster, user_id, &attempt.credentials, correlation).await {
                Err(error) if error.is_unauthorized() && session.renew(&mut attempt).await? => {}
                answer => return Ok(answer?),
            }
        }
    }

    /// Whether there is a token, and a service that can validate it.
    #[must_use]
    pub fn is_validated(&self) -> bool {
        self.0.as_ref().is_some_and(|session| session.validator.is_some())
    }

    /// Validates the token, and returns what it lacks. An invalid one is renewed, if possible, before a call fails.
    /// Without a service to ask, the findings are empty.
    pub async fn validate(&self) -> Result<Findings, TokenTrouble> {
        let Some((session, validator)) =
            self.0.as_ref().and_then(|session| Some((session, session.validator.as_ref()?)))
        else {
            return Ok(Findings::default());
        };
        let mut attempt = session.attempt().await?;
        let findings = loop {
            let validated = validator
                .validate(&attempt.token)
                .await
                .map_err(|error| TokenTrouble::Unavailable(printable(&error.to_string(), renewal::MAX_REASON)))?;
            match validated {
                Some(token) => break session.needs.check(&token),
                None if session.renew(&mut attempt).await? => {}
                None => break Needs::void(),
            }
        };
        *session.missing_scopes() = findings.missing_scopes.clone().unwrap_or_default();
        Ok(findings)
    }

    /// The scopes that the token lacked at the last validation.
    #[must_use]
    pub fn missing_scopes(&self) -> Vec<&'static str> {
        self.0.as_ref().map(|session| session.missing_scopes().clone()).unwrap_or_default()
    }

    /// The longest that one of these calls takes, including renewal of the token.
    #[must_use]
    pub fn longest_call(&self) -> Duration {
        let Some(session) = &self.0 else { return Duration::ZERO };
        match &session.renewal {
            None => session.timeout,
            Some(_) => 3 * session.timeout + renewal::LOCK_PATIENCE,
        }
    }

    fn session(&self) -> Result<&Inner, TokenTrouble> {
        self.0.as_deref().ok_or(TokenTrouble::NotSet)
    }
}

/// The token of a call, and whether this is the second attempt.
struct Attempt {
    token: SecretString,
    credentials: Credentials,
    is_again: bool,
}

impl Inner {
    fn missing_scopes(&self) -> MutexGuard<'_, Vec<&'static str>> {
        // The value is only ever replaced as a whole.
        self.missing_scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt with the most recent token, which is read for each call, since another process may have renewed it.
    async fn attempt(&self) -> Result<Attempt, TokenTrouble> {
        let renewed = match &self.renewal {
            Some(renewal) => renewal.renewed().await?,
            None => None,
        };
        self.with(renewed.unwrap_or_else(|| self.access.clone()), false)
    }

    fn with(&self, token: SecretString, is_again: bool) -> Result<Attempt, TokenTrouble> {
        let credentials =
            Credentials::new(&self.client_id, &token).map_err(|error| TokenTrouble::Unavailable(error.to_string()))?;
        Ok(Attempt { token, credentials, is_again })
    }

    /// Prepares another attempt after a 401; false if there is none to make.
    async fn renew(&self, attempt: &mut Attempt) -> Result<bool, TokenTrouble> {
        let Some(renewal) = &self.renewal else { return Ok(false) };
        if attempt.is_again {
            renewal.note_futile(&attempt.token).await;
            return Ok(false);
        }
        match renewal.renew(attempt.token.clone()).await? {
            Some(token) => *attempt = self.with(token, true)?,
            None => return Ok(false),
        }
        Ok(true)
    }
}
