//! The routes, one file an endpoint or a few that belong together.

mod announcements;
mod candidate;
mod claim;
mod confirm_acceptance;
mod eventsub;
mod health;
mod payout_status;
mod payouts;
mod pool;
mod prepare_pending_payout;
mod roulette_state;
mod verify_candidate;
mod version;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, Method, header},
    middleware,
    routing::get,
};
use mgm_api_types::{ErrorBody, Payout};
use mgm_store::PayoutView;
use mgm_twitch::helix::Correlation;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{error, limits, request_context, state::AppState};

/// The longest JSON body, in bytes; a notification may be longer.
const MAX_BODY: usize = 64 * 1024;

/// Mimiron's Gold-o-Matic
///
/// The Extension backend service: viewers enrol, the roulette draws, the desktop program pays out.
#[derive(OpenApi)]
#[openapi(components(schemas(ErrorBody)), modifiers(&SecuritySchemes))]
struct Document;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = ApiKeyValue::with_description("X-MGM-ApiKey", "The desktop program's key.");
        components.add_security_scheme("desktop", SecurityScheme::ApiKey(ApiKey::Header(key)));
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A Twitch Extension token."))
            .build();
        components.add_security_scheme("viewer", SecurityScheme::Http(token));
    }
}

/// Every route of the backend, ready to be served.
pub fn router(state: AppState) -> Router {
    let mut routes = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(eventsub::receive))
        .routes(routes!(pool::me))
        .routes(routes!(roulette_state::state))
        .routes(routes!(candidate::candidate))
        .routes(routes!(verify_candidate::verify))
        .routes(routes!(claim::claim))
        .routes(routes!(payouts::my_last))
        .routes(routes!(payouts::pending))
        .routes(routes!(payouts::by_status))
        .routes(routes!(payout_status::change))
        .routes(routes!(confirm_acceptance::confirm))
        .routes(routes!(announcements::list))
        .routes(routes!(announcements::retry))
        .routes(routes!(announcements::resolve))
        .routes(routes!(version::version))
        .routes(routes!(health::live))
        .routes(routes!(health::ready));
    if state.config.harness {
        routes = routes.routes(routes!(prepare_pending_payout::prepare));
    }
    let (service, document) = routes.split_for_parts();
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(state.clone(), request_context::context))
        .layer(middleware::from_fn(error::render))
        .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(error::ApiError::Internal)))
        .layer(cors(&state))
        .layer(middleware::from_fn_with_state(state.clone(), limits::by_address));
    service
        .route("/openapi/v1.json", get(async || Json(document)))
        .fallback(async || error::ApiError::NotFound)
        .method_not_allowed_fallback(async || error::ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(layers)
        .with_state(state)
}

/// CORS for the panel: no cookies, only what it sends and reads.
fn cors(state: &AppState) -> CorsLayer {
    let origins: Vec<HeaderValue> =
        state.config.allowed_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, request_context::REQUEST_ID])
        .expose_headers([
            request_context::REQUEST_ID,
            header::RETRY_AFTER,
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
        ])
        .max_age(Duration::from_secs(3_600))
}

/// What ties a call to Helix to the request that made it.
fn correlation(headers: &axum::http::HeaderMap, id: &request_context::RequestId) -> Correlation {
    Correlation {
        traceparent: headers.get("traceparent").cloned(),
        request_id: HeaderValue::from_str(id.as_str()).ok(),
    }
}

/// A payout as it is shown.
fn payout(view: PayoutView) -> Payout {
    use mgm_api_types::PayoutStatus as Wire;
    use mgm_domain::PayoutStatus;
    Payout {
        id: view.id.as_uuid(),
        twitch_user_id: view.viewer.to_string(),
        twitch_display_name: view.display_name,
        character_name: view.character_name.to_string(),
        gold_amount: view.gold.amount(),
        enrollment_request_id: view.enrollment_request_id.to_string(),
        status: match view.status {
            PayoutStatus::Pending => Wire::Pending,
            PayoutStatus::InProgress => Wire::InProgress,
            PayoutStatus::Sent => Wire::Sent,
            PayoutStatus::Failed => Wire::Failed,
            PayoutStatus::Cancelled => Wire::Cancelled,
            PayoutStatus::Expired => Wire::Expired,
        },
        created_at: view.created_at,
        is_reward_sent_announced_to_chat: view.announced,
    }
}

/// The rules' name of a status on the wire.
const fn status(wire: mgm_api_types::PayoutStatus) -> mgm_domain::PayoutStatus {
    use mgm_api_types::PayoutStatus as Wire;
    use mgm_domain::PayoutStatus;
    match wire {
        Wire::Pending => PayoutStatus::Pending,
        Wire::InProgress => PayoutStatus::InProgress,
        Wire::Sent => PayoutStatus::Sent,
        Wire::Failed => PayoutStatus::Failed,
        Wire::Cancelled => PayoutStatus::Cancelled,
        Wire::Expired => PayoutStatus::Expired,
    }
}
