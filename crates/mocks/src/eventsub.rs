//! MockEventSubWebhook replaces Twitch's webhook sender: it checks a notification as the backend does and forwards it byte
//! for byte.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use mgm_http_client::{ClientError, Exchange};
use mgm_service::services::ServiceId;
use mgm_settings::Settings;
use mgm_system::SystemClock;
use mgm_twitch::eventsub::{SigningSecrets, header};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::error::Refusal;
use crate::faults::{Injector, inject};
use crate::journal::Journal;
use crate::matching::Matcher;
use crate::outbound::{Outbound, endpoint, trace_of};
use crate::program::{RunError, listen};
use crate::shell::Shell;

/// The longest wait for the backend's answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The configuration of the stand-in.
#[derive(Clone, Debug)]
pub struct EventSubConfig {
    /// The secrets whose signatures are accepted; if there are none, everything is forwarded.
    pub secrets: SigningSecrets,
    /// The root of the backend.
    pub backend: Url,
}

impl EventSubConfig {
    /// Reads `Twitch__EventSubSecret`, `Twitch__EventSubSecretPrevious` and `Backend__BaseUrl`.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        Self { secrets: settings.twitch.signing_secrets(), backend: settings.backend.base_url.clone() }
    }
}

/// Runs the service until `shutdown`.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), RunError> {
    let config = EventSubConfig::from_settings(settings);
    if config.secrets.is_empty() {
        tracing::warn!("Twitch__EventSubSecret is not set: signatures are not checked");
    }
    listen(ServiceId::MockEventSub, settings, router(config)?, shutdown).await
}

/// The service's routes.
pub fn router(config: EventSubConfig) -> Result<Router, ClientError> {
    let EventSubConfig { secrets, backend } = config;
    let (journal, injector) = (Journal::new(Arc::new(SystemClock)), Injector::without_rules());
    let outbound = Outbound::new(&backend, journal.clone())?;
    let forwarder = Forwarder { secrets, outbound, url: endpoint(&backend, "api/twitch/eventsub") };
    Ok(Shell {
        routes: Router::new()
            .route("/api/twitch/eventsub", post(notify))
            .with_state(Arc::new(forwarder))
            .layer(from_fn_with_state(injector.clone(), inject)),
        control: Router::new(),
        from_browsers: false,
        id: ServiceId::MockEventSub,
        journal,
        injector,
        reset: |_: Option<&Matcher>| {},
    }
    .router())
}

struct Forwarder {
    secrets: SigningSecrets,
    outbound: Outbound,
    url: Url,
}

async fn notify(State(forwarder): State<Arc<Forwarder>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    if !forwarder.secrets.is_empty() {
        forwarder
            .secrets
            .verify(&headers, &body)
            .map_err(|error| Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", error.to_string()))?;
    }
    let mut passed_on: HeaderMap = headers
        .iter()
        .filter(|(name, _)| *name == CONTENT_TYPE || name.as_str().starts_with(header::PREFIX))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    passed_on.extend(trace_of(&headers));
    match forwarder.outbound.call(Method::POST, &forwarder.url, passed_on, body, TIMEOUT).await {
        Exchange::Complete { status, headers, body } => {
            let content_type = headers.get(CONTENT_TYPE).map(|value| (CONTENT_TYPE, value.clone()));
            Ok((status, HeaderMap::from_iter(content_type), body.into_bytes()).into_response())
        }
        Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => {
            tracing::warn!(reason, "the backend did not answer");
            let message = format!("the backend did not answer: {reason}");
            Err(Refusal::new(StatusCode::BAD_GATEWAY, "backend_unreachable", message))
        }
    }
}
