//! Helix in the broadcaster's name. Every such call goes through here, so that a token that Twitch no longer takes is
//! renewed wherever it is noticed.

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
/// A call that is answered 401 has not happened. Where the token can be renewed it is, once, and the call made again.
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
    /// A session with what is configured; without the broadcaster's token every call ends in [`TokenTrouble::NotSet`].
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

    /// Posts `text` to the broadcaster's chat, as the broadcaster. It is sent once at the most, and no call begins that may
    /// not be over before the `lease` is: the reading and the renewing of tokens take as long as they take.
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

    /// Asks whether the viewer is subscribed to the broadcaster. An error is not a no.
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

    /// Whether there is a token, and a service to ask about it.
    #[must_use]
    pub fn is_validated(&self) -> bool {
        self.0.as_ref().is_some_and(|session| session.validator.is_some())
    }

    /// Asks what the token is good for, and says what it is wanting in. One that is void is renewed, where it can be, before
    /// a call finds out. Nothing is found where there is nobody to ask.
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

    /// The scopes that the token lacked when it was last asked about.
    #[must_use]
    pub fn missing_scopes(&self) -> Vec<&'static str> {
        self.0.as_ref().map(|session| session.missing_scopes().clone()).unwrap_or_default()
    }

    /// How long one of these calls takes at the most, the renewal of the token included.
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

/// The token of a call, and whether it is the second try.
struct Attempt {
    token: SecretString,
    credentials: Credentials,
    is_again: bool,
}

impl Inner {
    fn missing_scopes(&self) -> MutexGuard<'_, Vec<&'static str>> {
        // It is only ever replaced as a whole.
        self.missing_scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With the token as it was last renewed. It is read anew for each call: another process may have renewed it.
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

    /// Makes another attempt of one that was answered 401; false when there is none to make.
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
