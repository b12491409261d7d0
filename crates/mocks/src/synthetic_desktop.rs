//! SyntheticDesktop replaces the streamer's desktop program: it takes a payout through the calls that the program makes
//! after mailing the gold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use mgm_api_types::API_KEY_HEADER;
use mgm_api_types::mocks::{RunSequence, SequenceRun, SequenceStep};
use mgm_http_client::{ClientError, Exchange};
use mgm_service::services::ServiceId;
use mgm_settings::Settings;
use mgm_system::{Clock, SystemClock};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::error::{Refusal, read_json};
use crate::faults::{Injector, inject};
use crate::journal::Journal;
use crate::matching::Matcher;
use crate::outbound::{Outbound, endpoint, trace_of};
use crate::program::{RunError, listen};
use crate::shell::Shell;

/// The longest wait for one answer from the backend; callers wait 120 s for all three.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer a step shows, in characters.
const SNIPPET: usize = 500;

/// The configuration of the stand-in.
#[derive(Clone, Debug)]
pub struct SyntheticDesktopConfig {
    /// The root of the backend.
    pub backend: Url,
    /// The desktop program's key. Without one every run fails.
    pub api_key: Option<HeaderValue>,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
}

impl SyntheticDesktopConfig {
    /// Reads `Mgm__ApiKey` and `SyntheticDesktop__BackendBaseUrl`.
    pub fn from_settings(settings: &Settings) -> Result<Self, RunError> {
        let api_key = settings
            .mgm
            .api_key
            .as_ref()
            .map(ExposeSecret::expose_secret)
            .filter(|key| !key.trim().is_empty())
            .map(|key| HeaderValue::from_str(key).map_err(|_| RunError::ApiKey))
            .transpose()?
            .map(|mut key| {
                key.set_sensitive(true);
                key
            });
        Ok(Self { backend: settings.synthetic_desktop.backend_base_url.clone(), api_key, clock: Arc::new(SystemClock) })
    }
}

/// Runs the service until `shutdown`.
pub async fn run(settings: &Settings, shutdown: CancellationToken) -> Result<(), RunError> {
    let config = SyntheticDesktopConfig::from_settings(settings)?;
    if config.api_key.is_none() {
        tracing::warn!("Mgm__ApiKey is not set: every run will fail");
    }
    listen(ServiceId::SyntheticDesktop, settings, router(config)?, shutdown).await
}

/// The service's routes.
pub fn router(config: SyntheticDesktopConfig) -> Result<Router, ClientError> {
    let (journal, injector) = (Journal::new(Arc::clone(&config.clock)), Injector::without_rules());
    let outbound = Outbound::new(&config.backend, journal.clone())?;
    let desktop = Arc::new(Desktop { config, outbound, last_run: Mutex::default() });
    let forgetful = Arc::clone(&desktop);
    Ok(Shell {
        routes: Router::new()
            .route("/run-sequence", post(run_sequence))
            .with_state(Arc::clone(&desktop))
            .layer(from_fn_with_state(injector.clone(), inject)),
        control: Router::new().route("/last-run", get(last_run)).with_state(desktop),
        from_browsers: false,
        id: ServiceId::SyntheticDesktop,
        journal,
        injector,
        reset: move |caller: Option<&Matcher>| {
            if caller.is_none() {
                *forgetful.last_run() = SequenceRun::default();
            }
        },
    }
    .router())
}

struct Desktop {
    config: SyntheticDesktopConfig,
    outbound: Outbound,
    last_run: Mutex<SequenceRun>,
}

async fn last_run(State(desktop): State<Arc<Desktop>>) -> Json<SequenceRun> {
    Json(desktop.last_run().clone())
}

async fn run_sequence(State(desktop): State<Arc<Desktop>>, asked: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let Some(api_key) = &desktop.config.api_key else {
        let run = desktop.finish(Vec::new(), Some("Mgm__ApiKey is not configured".to_owned()));
        return Ok((StatusCode::INTERNAL_SERVER_ERROR, Json(run)).into_response());
    };
    let order: RunSequence = read_json(&body)?;
    if order.payout_id.is_nil() || order.character_name.trim().is_empty() {
        return Err(Refusal::invalid("payoutId and characterName are required"));
    }
    let mut steps = Vec::new();
    let mut headers = trace_of(&asked);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static(API_KEY_HEADER), api_key.clone());
    let error = desktop.walk(&headers, &order, &mut steps).await.err();
    let status = if error.is_none() { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
    Ok((status, Json(desktop.finish(steps, error))).into_response())
}

impl Desktop {
    fn last_run(&self) -> MutexGuard<'_, SequenceRun> {
        // The value is only ever replaced as a whole.
        self.last_run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, steps: Vec<SequenceStep>, error: Option<String>) -> SequenceRun {
        let completed_at_utc = Some(self.config.clock.now());
        let run = SequenceRun { ok: error.is_none(), steps, error, completed_at_utc };
        self.last_run().clone_from(&run);
        run
    }

    /// Makes the calls one after the other, up to the first that does not succeed.
    async fn walk(
        &self,
        headers: &HeaderMap,
        order: &RunSequence,
        steps: &mut Vec<SequenceStep>,
    ) -> Result<(), String> {
        let RunSequence { payout_id, character_name } = order;
        let confirmation = endpoint(&self.config.backend, &format!("api/payouts/{payout_id}/confirm-acceptance"));
        let status = endpoint(&self.config.backend, &format!("api/payouts/{payout_id}/status"));
        // The desktop program writes the names of states in camelCase.
        let calls = [
            ("POST confirm-acceptance", Method::POST, &confirmation, json!({"characterName": character_name})),
            ("PATCH status InProgress", Method::PATCH, &status, json!({"status": "inProgress"})),
            ("PATCH status Sent", Method::PATCH, &status, json!({"status": "sent"})),
        ];
        for (name, method, url, body) in calls {
            let step =
                self.call(headers.clone(), method, url, &body).await.map_err(|reason| format!("{name}: {reason}"))?;
            let (status, body_snippet) = step;
            steps.push(SequenceStep { name: name.to_owned(), status_code: status.as_u16(), body_snippet });
            if !status.is_success() {
                return Err(format!("{name}: the backend answered {status}"));
            }
        }
        Ok(())
    }

    async fn call(
        &self,
        headers: HeaderMap,
        method: Method,
        url: &Url,
        body: &Value,
    ) -> Result<(StatusCode, String), String> {
        let body = Bytes::from(body.to_string());
        match self.outbound.call(method, url, headers, body, STEP_TIMEOUT).await {
            Exchange::Complete { status, body, .. } => Ok((status, body.text().chars().take(SNIPPET).collect())),
            Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => Err(reason),
        }
    }
}
