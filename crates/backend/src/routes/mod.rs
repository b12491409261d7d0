//! The routes, one file an endpoint or a few that belong together.

mod announcements;
mod candidate;
mod claim;
mod eventsub;
mod failures;
mod gifts;
mod health;
mod openapi;
mod page;
mod payouts;
mod pool;
mod prepare_pending_payout;
mod roulette_state;
pub mod state;
mod subscriber;
mod verify_candidate;
mod version;

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::{Method, StatusCode, header},
    response::IntoResponse,
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
    timeout::TimeoutLayer,
};
use tracing::Span;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    http::{
        error,
        layers::{around::around, context, error_body},
        limits,
    },
    routes::state::AppState,
    trace,
};

/// How long a request may take, the sending of its body included.
const REQUEST_TIME: Duration = Duration::from_secs(45);

/// Every route of the backend, ready to be served.
pub fn router(state: AppState) -> Router {
    let harness = state.config.settings.mgm.enable_e2e_harness;
    let layers = ServiceBuilder::new()
        .layer(around({
            let state = state.clone();
            move |request: &mut Request| Ok(context::context(&state, request))
        }))
        // Outside of what makes errors, so that the panel may read those too.
        .layer(cors(&state))
        .layer(around(|request: &mut Request| Ok((Span::none(), error_body::error_body(request)))))
        .layer(CatchPanicLayer::custom(|_| error::ApiError::Internal.into_response()))
        .layer(around({
            let state = state.clone();
            move |request: &mut Request| Ok((Span::none(), limits::by_address(&state, request)?))
        }))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME));
    let mut routes = routes().split_for_parts().0;
    if harness {
        routes = routes.merge(harness_routes().split_for_parts().0);
    }
    routes
        .fallback(async || error::ApiError::NotFound)
        .method_not_allowed_fallback(async || error::ApiError::MethodNotAllowed)
        .layer(layers)
        .with_state(state)
}

/// The OpenAPI document, as JSON: every route there is, whether this process serves it or not.
pub(crate) fn openapi() -> Bytes {
    openapi::render(&routes().merge(harness_routes()).into_openapi()).to_string().into()
}

fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(eventsub::receive))
        .routes(routes!(pool::me))
        .routes(routes!(roulette_state::state))
        .routes(routes!(candidate::candidate))
        .routes(routes!(verify_candidate::verify))
        .routes(routes!(claim::claim))
        .routes(routes!(payouts::list::my_last))
        .routes(routes!(payouts::list::pending))
        .routes(routes!(payouts::list::by_status))
        .routes(routes!(payouts::change_status::change))
        .routes(routes!(payouts::confirm_acceptance::confirm))
        .routes(routes!(gifts::queue::queue))
        .routes(routes!(gifts::list::open, gifts::request::request))
        .routes(routes!(gifts::fail::fail))
        .routes(routes!(gifts::select_item::select))
        .routes(routes!(gifts::confirm::confirm))
        .routes(routes!(announcements::list))
        .routes(routes!(announcements::one))
        .routes(routes!(announcements::retry))
        .routes(routes!(announcements::resolve))
        .routes(routes!(version::version))
        .routes(routes!(openapi::document))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
}

/// Served only where the harness is turned on; elsewhere the route is unknown, also to whoever has the key.
fn harness_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(prepare_pending_payout::prepare))
}

/// CORS for the panel: no cookies, only what it sends and reads.
fn cors(state: &AppState) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(state.config.allowed_origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            context::REQUEST_ID,
            trace::TRACEPARENT,
            trace::TRACESTATE,
        ])
        .expose_headers([context::REQUEST_ID].into_iter().chain(limits::HEADERS).collect::<Vec<_>>())
        .max_age(Duration::from_secs(3_600))
}
