//! What all stand-ins have around their own routes.

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{Method, StatusCode, Uri};
use mgm_api_types::mocks::Verdict;
use mgm_service::body::{self, BodyError, Buffered};
use mgm_service::memory::Budget;
use mgm_service::services::ServiceId;
use serde::{Serialize, Serializer};
use tower::util::option_layer;
use tower_http::cors::{AllowHeaders, AllowMethods, Any, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use crate::error::Refusal;
use crate::faults::{self, Injector};
use crate::journal::{self, Journal, Outcome, record};
use crate::matching::{Matcher, caller_of};
use crate::openapi::document;

/// The longest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The parts of a stand-in.
pub(crate) struct Shell<Reset> {
    /// The routes of the party that it replaces.
    pub(crate) routes: Router,
    /// Its own routes, which are not recorded.
    pub(crate) control: Router,
    /// Whether pages of any origin may call the routes of the other party.
    pub(crate) from_browsers: bool,
    /// Its identity, which `GET /health` returns.
    pub(crate) id: ServiceId,
    /// What it received and sent.
    pub(crate) journal: Journal,
    /// The faults of its routes.
    pub(crate) injector: Injector,
    /// Clears what was recorded and requested: all of it, or that of one caller.
    pub(crate) reset: Reset,
}

impl<Reset: Fn(Option<&Matcher>) + Clone + Send + Sync + 'static> Shell<Reset> {
    /// The whole stand-in.
    pub(crate) fn router(self) -> Router {
        let Self { routes, control, from_browsers, id, journal, injector, reset } = self;
        let (forgotten, faults) = (journal.clone(), injector.faults.clone());
        let forget = async move |RawQuery(query): RawQuery| {
            let caller = caller_of(query.as_deref())?;
            reset(caller.as_ref());
            match &caller {
                None => {
                    faults.reset();
                    forgotten.reset();
                }
                Some(caller) => {
                    faults.forget(caller);
                    forgotten.forget_caller(caller);
                }
            }
            Ok::<_, Refusal>(StatusCode::NO_CONTENT)
        };
        let control = control
            .route("/health", get(async move || Json(Identity(id))))
            .route("/openapi.json", get(async move || Json(document(id))))
            .route("/reset", post(forget))
            .merge(journal::routes(journal.clone(), id))
            .merge(faults::routes(injector))
            .method_not_allowed_fallback(method_not_allowed);
        // A request that was meant for the other party and missed its routes is recorded, too.
        routes
            .method_not_allowed_fallback(method_not_allowed)
            .fallback(not_found)
            .layer(from_fn_with_state(journal, record))
            .layer(option_layer(from_browsers.then(any_origin)))
            .merge(control)
            .layer(from_fn_with_state(Budget::new(body::BUDGET), receive))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
    }
}

/// The answer of `GET /health`: the fields of the service table, in its order.
struct Identity(ServiceId);

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let health = self.0.service().health.as_ref();
        serializer.collect_map(health.into_iter().flat_map(|health| health.identity).copied())
    }
}

/// Lets pages of any origin call (<https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS>). What they ask for beforehand is
/// granted; a wildcard would not do for `Authorization`.
fn any_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
}

async fn not_found(uri: Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Refusal {
    let message = format!("{method} is not possible at {}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// Reads the body, and logs the request and the answer.
async fn receive(State(memory): State<Budget>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    let response = match read(body, &memory).await {
        // The memory is held until the answer.
        Ok(body) => {
            let mut request = Request::from_parts(head, Body::from(body.bytes.clone()));
            request.extensions_mut().insert(body.bytes.clone());
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    if path == "/health" {
        tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
    } else if response.extensions().get::<Outcome>().is_some_and(|outcome| outcome.verdict == Verdict::Cut) {
        tracing::info!(%method, path, "cut off without an answer");
    } else {
        tracing::info!(%method, path, status = response.status().as_u16(), "answered");
    }
    response
}

async fn read(body: Body, memory: &Budget) -> Result<Buffered, Refusal> {
    body::read(body, MAX_BODY, memory).await.map_err(|error| match error {
        BodyError::TooLong => {
            let message = format!("a body has at most {MAX_BODY} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
        }
        BodyError::NoMemory => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()),
        BodyError::Incomplete => Refusal::invalid(error.to_string()),
    })
}
