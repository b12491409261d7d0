//! Calls to whichever backend there is, repeated until one of them answers.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use mgm_api_types::API_KEY_HEADER;
use mgm_api_types::mocks::TokenAnswer;
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::run::FaultRun;
use crate::http::{Answer, Endpoint};

/// Longer than a backend waits for its database.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// The pause before a call is repeated: short, to meet a backend that is just starting.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Calls in vain before the run is given up as stuck.
const MOST_CALLS: usize = 3_000;

impl FaultRun<'_> {
    /// A request by the desktop program.
    pub(super) fn by_desktop(&self, backend: &Endpoint, method: Method, path: &str) -> RequestBuilder {
        backend.request(method, path).header(API_KEY_HEADER, self.api_key.expose_secret())
    }

    /// Asks one backend after the other until one gives an answer that is not 503; answers it, with how often it was asked in
    /// vain. What did not come to an answer may have had its effect.
    pub(super) async fn insist(
        &self,
        rng: &mut StdRng,
        request: impl Fn(&Endpoint) -> RequestBuilder,
    ) -> Option<(Answer, u32)> {
        let policy = ConstantBuilder::default()
            .with_delay(AGAIN_AFTER)
            .with_jitter()
            .with_jitter_seed(rng.random())
            .with_max_times(MOST_CALLS);
        let call = || {
            let backend = self.fleet.any(rng);
            let request = request(backend).timeout(CALL_TIMEOUT);
            async move { backend.send(request).await.ok().filter(|answer| answer.status != 503).ok_or(()) }
        };
        let mut in_vain = 0;
        let answer = call.retry(policy).notify(|(), _| in_vain += 1).await;
        if answer.is_err() {
            self.ledger.borrow_mut().wrong(format!("no backend answered {MOST_CALLS} calls in a row"));
        }
        answer.ok().map(|answer| (answer, in_vain))
    }

    /// The same as the desktop program with a body.
    pub(super) async fn desktop_call(
        &self,
        rng: &mut StdRng,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Option<(Answer, u32)> {
        self.insist(rng, |backend| self.by_desktop(backend, method.clone(), path).json(body)).await
    }

    /// A token of the viewer's.
    pub(super) async fn token(&self, viewer: &str) -> Option<String> {
        let request = self.jwt.request(Method::GET, "/token").query(&[("userId", viewer), ("displayName", viewer)]);
        let answer = self.jwt.send(request).await.ok()?;
        Some(answer.json::<TokenAnswer>()?.access_token)
    }

    /// An answer that no backend ought to give, whatever fails.
    pub(super) fn unexpected(&self, what: &str, answer: &Answer) {
        self.ledger.borrow_mut().wrong(format!("{what}: {}", answer.summary()));
    }
}
