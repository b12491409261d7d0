//! Whether a service is there, ready, and the one that is meant.

use std::time::Duration;

use mgm_service::services::Health;
use reqwest::Method;
use serde_json::Value;

use crate::http::{Answer, Endpoint, NoAnswer};

/// What is wrong with a service.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Nothing answers.
    #[error("{0}")]
    Silent(NoAnswer),
    /// The answer is not 200.
    #[error("answers {0}")]
    NotReady(String),
    /// Another service answers.
    #[error("is not {component}: answers {answer}")]
    Stranger {
        /// Who was expected.
        component: &'static str,
        /// What came instead.
        answer: String,
    },
}

/// Asks once. Gives the answer of a healthy service.
pub async fn probe(endpoint: &Endpoint, health: &Health) -> Result<Answer, Unhealthy> {
    let request = endpoint.request(Method::GET, health.path).timeout(Duration::from_secs(5));
    let answer = endpoint.send(request).await.map_err(Unhealthy::Silent)?;
    if answer.status != 200 {
        return Err(Unhealthy::NotReady(answer.summary()));
    }
    let body: Value = answer.json().unwrap_or_default();
    let is_itself = health.identity.iter().all(|(name, value)| body.get(name).and_then(Value::as_str) == Some(value));
    if is_itself {
        Ok(answer)
    } else {
        let component = endpoint.service.service().component;
        Err(Unhealthy::Stranger { component, answer: answer.summary() })
    }
}
