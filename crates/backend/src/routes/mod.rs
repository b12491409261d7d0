//! The routes: one file per endpoint, or per few that belong together.

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

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse, routing::get};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};
use tracing::Span;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::state::AppState;
use crate::http::{
    error::ApiError,
    layers::{address_limit::AddressLimit, around::around, context::context, cors::cors, error_body::error_body},
};

/// How long a request may take, including sending its body.
const REQUEST_TIME: Duration = Duration::from_secs(45);
/// Routes that are called all the time: their successes are not worth a line in the log.
const QUIET_ROUTES: &[&str] = &[eventsub::PATH, "/health/live", "/health/ready"];
/// Routes that need no credentials and are limited per address.
const OPEN_ROUTES: &[&str] = &["/api/version", openapi::PATH];
/// Twitch's route: its refusals are not counted, since the address is a proxy's or Twitch's own.
const FREE_ROUTES: &[&str] = &[eventsub::PATH];

/// The router with all routes of the backend.
pub fn router(state: AppState) -> Router {
    let address_limit = AddressLimit {
        limits: Arc::clone(&state.limits),
        keys: state.desktop_keys.clone(),
        trusted_proxies: state.config.settings.mgm.trusted_proxies.as_slice().into(),
        open_routes: OPEN_ROUTES,
        free_routes: FREE_ROUTES,
    };
    let layers = ServiceBuilder::new()
        .layer(around({
            let random = Arc::clone(&state.random);
            move |request: &mut Request| Ok(context(&random, QUIET_ROUTES, request))
        }))
        // Outside of the layers that make errors, so that the panel can read errors too.
        .layer(cors(&state.config.allowed_origins))
        .layer(around(|request: &mut Request| Ok((Span::none(), error_body(request)))))
        .layer(CatchPanicLayer::custom(|_| ApiError::Internal.into_response()))
        .layer(around(move |request: &mut Request| Ok((Span::none(), address_limit.count(request)?))))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME));
    let (mut routes, mut document) = routes().split_for_parts();
    let (harness, documented) = harness_routes().split_for_parts();
    // The document describes all routes, whether this process serves them or not.
    document.merge(documented);
    if state.config.settings.mgm.enable_e2e_harness {
        routes = routes.merge(harness);
    }
    routes
        .route(openapi::PATH, get(openapi::document).with_state(openapi::render(&document)))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(layers)
        .with_state(state)
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
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
}

/// Served only if the harness is enabled; otherwise the route is unknown, even to callers with the key.
fn harness_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(prepare_pending_payout::prepare))
}
