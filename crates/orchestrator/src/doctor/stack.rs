//! The running services: whether they are there, and whether they agree with one another.

use mgm_api_types::mocks::{Journal, TokenAnswer};
use mgm_api_types::{API_KEY_HEADER, Claim, PreparePendingPayout};
use mgm_service::services::{SERVICES, Service, ServiceId};
use mgm_system::{Clock as _, RandomSource, SystemClock, port};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::finding::Finding;
use crate::health::{Unhealthy, examine as examine_health};
use crate::http::{Answer, NoAnswer};
use crate::notification::{self, ChatLine, Form};
use crate::scenario::Stage;

/// Differences below this do no harm, and `Date` counts whole seconds.
const CLOCKS: i64 = 30;

/// The examination of one stack.
pub(super) struct Stack<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) found: Vec<Finding>,
}

/// Whether the clock of a service differs from ours.
fn skew(service: ServiceId, theirs: OffsetDateTime, ours: OffsetDateTime) -> Option<Finding> {
    let seconds = (ours - theirs).whole_seconds().abs();
    (seconds > CLOCKS).then(|| {
        let values = [("component", service.service().component), ("seconds", &seconds.to_string())];
        Finding::new("clock", format!("the header Date is {theirs}"), &values)
    })
}

impl Stack<'_> {
    /// Looks at the services, and asks those that are there.
    pub(super) async fn examine(&mut self) {
        let mut healthy = Vec::new();
        for service in SERVICES.iter().filter(|service| service.health.is_some()) {
            if self.is_healthy(service).await {
                healthy.push(service.id);
            }
        }
        self.order();
        let has = |needed: &[ServiceId]| needed.iter().all(|service| healthy.contains(service));
        // An error means that a service has gone away in between.
        if has(&[ServiceId::Backend]) {
            drop(self.clock().await);
            drop(self.desktop_key().await);
            drop(self.harness().await);
        }
        if has(&[ServiceId::SyntheticDesktop]) {
            drop(self.key_of_the_desktop().await);
        }
        if has(&[ServiceId::Backend, ServiceId::MockEventSub]) {
            drop(self.signatures().await);
        }
        if has(&[ServiceId::Backend, ServiceId::MockJwt])
            && let Ok(Some(token)) = self.tokens().await
            && has(&[ServiceId::MockHelix])
        {
            drop(self.helix(&token).await);
        }
    }

    fn find(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    async fn is_healthy(&mut self, service: &Service) -> bool {
        let Some(health) = &service.health else { return true };
        let endpoint = self.stage.endpoint(service.id).clone();
        let url = endpoint.url();
        let Err(unhealthy) = examine_health(&endpoint, health).await else { return true };
        let said = unhealthy.to_string();
        let holder = endpoint.port().and_then(port::holder);
        let holder = holder.map_or_else(|| "an unknown program".to_owned(), |holder| holder.to_string());
        let values = [
            ("component", service.component),
            ("service", service.name),
            ("url", url.as_str()),
            ("problem", said.as_str()),
            ("holder", holder.as_str()),
        ];
        let finding = match unhealthy {
            Unhealthy::Silent(_) => Finding::new("missing", said.clone(), &values),
            Unhealthy::Stranger { .. } | Unhealthy::Other { .. } => Finding::new("foreign", said.clone(), &values),
            // Something that is not the service does not know the path.
            Unhealthy::NotReady(_) if said.starts_with("answers 404") => Finding::new("foreign", said.clone(), &values),
            Unhealthy::NotReady(_) => Finding::new("unhealthy", said.clone(), &values),
        };
        self.find(finding);
        false
    }

    /// Compares when the processes behind the ports were started, where the system tells.
    fn order(&mut self) {
        let started = |service: ServiceId| {
            let endpoint = self.stage.endpoints.get(&service)?;
            port::started(port::holder(endpoint.port()?)?.pid)
        };
        let mut early = Vec::new();
        for service in SERVICES.iter().filter(|service| service.id.is_stand_in() || service.id == ServiceId::Backend) {
            for needed in service.waits_for {
                if let (Some(own), Some(other)) = (started(service.id), started(*needed))
                    && own < other
                {
                    early.push((service.component, needed.service().component, own, other));
                }
            }
        }
        for (component, needed, own, other) in early {
            let evidence = format!("started {own} and {other} clock ticks after the machine");
            self.find(Finding::new("order", evidence, &[("component", component), ("needed", needed)]));
        }
    }

    async fn send(&self, service: ServiceId, method: Method, path: &str) -> Result<Answer, NoAnswer> {
        let endpoint = self.stage.endpoint(service);
        endpoint.send(endpoint.request(method, path)).await
    }

    async fn clock(&mut self) -> Result<(), NoAnswer> {
        let endpoint = self.stage.endpoint(ServiceId::Backend);
        let date = endpoint.date(endpoint.request(Method::GET, "/health/live")).await?;
        let Some(date) = date.and_then(|date| OffsetDateTime::parse(&date, &Rfc2822).ok()) else { return Ok(()) };
        self.found.extend(skew(ServiceId::Backend, date, SystemClock.now()));
        Ok(())
    }

    async fn desktop_key(&mut self) -> Result<(), NoAnswer> {
        let endpoint = self.stage.endpoint(ServiceId::Backend);
        let request = endpoint.request(Method::GET, "/api/announcements?state=failed");
        let answer = endpoint.send(request.header(API_KEY_HEADER, self.stage.api_key.expose_secret())).await?;
        if answer.status == 401 {
            self.find(Finding::new("api-key", answer.summary(), &[]));
        }
        Ok(())
    }

    async fn harness(&mut self) -> Result<(), NoAnswer> {
        let endpoint = self.stage.endpoint(ServiceId::Backend);
        let request = endpoint
            .request(Method::POST, "/api/e2e/prepare-pending-payout")
            .header(API_KEY_HEADER, self.stage.api_key.expose_secret())
            // Nobody, so that nothing happens.
            .json(&PreparePendingPayout { twitch_user_id: String::new() });
        let answer = endpoint.send(request).await?;
        if answer.status == 404 {
            self.find(Finding::new("harness", answer.summary(), &[]));
        }
        Ok(())
    }

    async fn key_of_the_desktop(&mut self) -> Result<(), NoAnswer> {
        let endpoint = self.stage.endpoint(ServiceId::SyntheticDesktop);
        // No payout, so that nothing happens.
        let answer = endpoint.send(endpoint.request(Method::POST, "/run-sequence").json(&json!({}))).await?;
        if answer.status == 500 {
            self.find(Finding::new("desktop-key", answer.summary(), &[]));
        }
        Ok(())
    }

    /// A line of ordinary chat, to the backend and by way of the stand-in.
    async fn signatures(&mut self) -> Result<(), NoAnswer> {
        let backend = self.say_hello(ServiceId::Backend).await?;
        let by_mock = self.say_hello(ServiceId::MockEventSub).await?;
        let address = self.stage.endpoint(ServiceId::Backend).url();
        let finding = match (backend.status, by_mock.status) {
            (_, 502) => Finding::new("event-sub-address", by_mock.summary(), &[("backend", &address)]),
            (401, _) => Finding::new("event-sub-secret-of-backend", backend.summary(), &[]),
            (_, 401) => Finding::new("event-sub-secret-of-mock", by_mock.summary(), &[]),
            _ => return Ok(()),
        };
        self.find(finding);
        Ok(())
    }

    async fn say_hello(&self, to: ServiceId) -> Result<Answer, NoAnswer> {
        let message_id = RandomSource::from_system().uuid().to_string();
        let line = ChatLine {
            text: "hello",
            user_id: "doctor",
            login: "doctor",
            badges: &[],
            form: Form::Full { broadcaster_id: &self.stage.broadcaster_id },
            message_id: &message_id,
            age: std::time::Duration::ZERO,
            hostile: None,
        };
        let endpoint = self.stage.endpoint(to);
        let request = endpoint.request(Method::POST, notification::PATH);
        endpoint.send(notification::sign(request, &line, self.stage.event_sub_secret.as_ref())).await
    }

    /// Returns the token of a viewer who does not subscribe, if tokens are good.
    async fn tokens(&mut self) -> Result<Option<SecretString>, NoAnswer> {
        let viewer = format!("nosub-doctor-{}", RandomSource::from_system().letters(12));
        let answer = self.send(ServiceId::MockJwt, Method::GET, &format!("/token?userId={viewer}")).await?;
        let Some(TokenAnswer { access_token, .. }) = answer.json() else { return Ok(None) };
        let endpoint = self.stage.endpoint(ServiceId::Backend);
        let request = endpoint.request(Method::GET, "/api/roulette/state").bearer_auth(&access_token);
        let answer = endpoint.send(request).await?;
        let finding = match answer.status {
            401 => Finding::new("token-key", answer.summary(), &[]),
            403 => Finding::new("token-channel", answer.summary(), &[]),
            _ => return Ok(Some(access_token.into())),
        };
        self.find(finding);
        Ok(None)
    }

    /// A claim of that viewer, which is refused if Helix is asked.
    async fn helix(&mut self, token: &SecretString) -> Result<(), NoAnswer> {
        let before = self.calls_of_helix().await?;
        let endpoint = self.stage.endpoint(ServiceId::Backend);
        let claim = Claim {
            character_name: "Nosubscriber".to_owned(),
            enrollment_request_id: RandomSource::from_system().uuid().to_string(),
        };
        let request = endpoint.request(Method::POST, "/api/payouts/claim");
        let answer = endpoint.send(request.bearer_auth(token.expose_secret()).json(&claim)).await?;
        let calls = self.calls_of_helix().await?;
        let new = calls.total.saturating_sub(before.total);
        let refused = calls.requests.iter().rev().take(usize::try_from(new).unwrap_or(usize::MAX));
        let refused = refused.filter_map(|call| call.status).find(|status| *status >= 400 && *status != 404);
        let address = self.stage.endpoint(ServiceId::MockHelix).url();
        let skips = !self.stage.switches.is_empty();
        let finding = match (answer.status, refused) {
            (503, Some(status)) => Finding::new("helix-refuses", answer.summary(), &[("status", &status.to_string())]),
            (503, None) => Finding::new("helix-credentials", answer.summary(), &[("mock-helix", &address)]),
            (200 | 201, _) if !skips => Finding::new("helix-not-asked", answer.summary(), &[]),
            _ => return Ok(()),
        };
        self.find(finding);
        Ok(())
    }

    async fn calls_of_helix(&self) -> Result<Journal, NoAnswer> {
        let answer = self.send(ServiceId::MockHelix, Method::GET, "/requests").await?;
        Ok(answer.json().unwrap_or(Journal { total: 0, requests: vec![] }))
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn clocks_that_differ_are_named_in_both_directions() {
        let now = OffsetDateTime::UNIX_EPOCH;
        for (ahead, is_found) in [(0, false), (30, false), (-30, false), (31, true), (-700, true)] {
            let found = skew(ServiceId::Backend, now + Duration::seconds(ahead), now);
            assert_eq!(found.is_some(), is_found, "{ahead}");
        }
    }
}
