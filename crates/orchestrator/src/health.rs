//! Whether a service is running, ready, and the expected one.

use std::time::Duration;

use mgm_service::services::{Health, SERVICES, ServiceId};
use reqwest::Method;
use serde_json::Value;

use crate::http::{Answer, Endpoint, NoAnswer};

/// The problem of a service.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Nothing answers.
    #[error("{0}")]
    Silent(NoAnswer),
    /// The answer is not 200.
    #[error("answers {0}")]
    NotReady(String),
    /// Something else answers.
    #[error("is not {component}: answers {answer}")]
    Stranger {
        /// The expected service.
        component: &'static str,
        /// The answer.
        answer: String,
    },
    /// Another service of the stack answers.
    #[error("is {found}, not {expected}")]
    Other {
        /// The expected service.
        expected: &'static str,
        /// The service that answers.
        found: &'static str,
    },
}

/// How long a service may take to report its health.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Probes once. Returns the answer of a healthy service.
pub async fn probe(endpoint: &Endpoint, health: &Health) -> Result<Answer, Unhealthy> {
    let request = endpoint.request(Method::GET, health.path).timeout(TIMEOUT);
    let answer = endpoint.send(request).await.map_err(Unhealthy::Silent)?;
    if answer.status != 200 {
        return Err(Unhealthy::NotReady(answer.summary()));
    }
    if is_of(&answer, health) {
        Ok(answer)
    } else {
        let component = endpoint.service.service().component;
        Err(Unhealthy::Stranger { component, answer: answer.summary() })
    }
}

/// The same for an address that the user gave: names another service that answers there.
pub async fn examine(endpoint: &Endpoint, health: &Health) -> Result<Answer, Unhealthy> {
    match probe(endpoint, health).await {
        Ok(answer) => Ok(answer),
        Err(Unhealthy::Silent(silence)) => Err(Unhealthy::Silent(silence)),
        Err(unhealthy) => match identify(endpoint).await {
            Some(found) if found != endpoint.service => {
                let (expected, found) = (endpoint.service.service().component, found.service().component);
                Err(Unhealthy::Other { expected, found })
            }
            _ => Err(unhealthy),
        },
    }
}

/// The service that answers.
async fn identify(endpoint: &Endpoint) -> Option<ServiceId> {
    let probes = SERVICES.iter().filter_map(|service| Some((service.id, service.health.as_ref()?)));
    let mut answers: Vec<(&str, Answer)> = Vec::new();
    for (service, health) in probes {
        if !answers.iter().any(|(path, _)| *path == health.path) {
            let request = endpoint.request(Method::GET, health.path).timeout(TIMEOUT);
            answers.push((health.path, endpoint.send(request).await.ok()?));
        }
        if answers.iter().any(|(path, answer)| *path == health.path && answer.status == 200 && is_of(answer, health)) {
            return Some(service);
        }
    }
    None
}

/// Whether it is the answer of the service with this probe.
fn is_of(answer: &Answer, health: &Health) -> bool {
    let body: Value = answer.json().unwrap_or_default();
    health.identity.iter().all(|(name, value)| body.get(name).and_then(Value::as_str) == Some(value))
}
