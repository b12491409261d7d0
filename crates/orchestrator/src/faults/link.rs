//! Calls to any available backend, repeated until one of them answers.

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
/// The pause before a call is repeated: short, to hit a backend that is just starting.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
/// The number of failed calls after which the run is considered stuck.
const MOST_CALLS: usize = 3_000;

impl FaultRun<'_> {
    /// A request by the desktop program.
    pub(super) fn by_desktop(&self, backend: &Endpoint, method: Method, path: &str) -> RequestBuilder {
        backend.request(method, path).header(API_KEY_HEADER, self.api_key.expose_secret())
    }

    /// Calls one backend after the other until one gives an answer other than 503; returns that answer and the number of failed
    /// calls. A call without an answer may have taken effect.
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

    /// The same as the desktop program, with a body.
    pub(super) async fn desktop_call(
        &self,
        rng: &mut StdRng,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Option<(Answer, u32)> {
        self.insist(rng, |backend| self.by_desktop(backend, method.clone(), path).json(body)).await
    }

    /// A token for the viewer.
    pub(super) async fn token(&self, viewer: &str) -> Option<String> {
        let request = self.jwt.request(Method::GET, "/token").query(&[("userId", viewer), ("displayName", viewer)]);
        let answer = self.jwt.send(request).await.ok()?;
        Some(answer.json::<TokenAnswer>()?.access_token)
    }

    /// Records an answer that no backend should give, whatever fails.
    pub(super) fn unexpected(&self, what: &str, answer: &Answer) {
        self.ledger.borrow_mut().wrong(format!("{what}: {}", answer.summary()));
    }
}
