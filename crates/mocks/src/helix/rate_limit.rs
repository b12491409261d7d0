//! Middleware: the points that calls cost (<https://dev.twitch.tv/docs/api/guide/#twitch-rate-limits>), and the headers
//! that show how many remain. A client's own calls have one bucket, its calls for each user another.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::caller::bearer;
use crate::call::{Answer, MockTwitch};
use crate::world;
use crate::world::bucket::Level;
use crate::world::token_store::Holder;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The limit shown if nothing is counted: one point is spent, and restored within the second.
const UNLIMITED: u32 = 800;

/// Takes a call's point, if its token is known.
fn spend(state: &mut world::State, headers: &HeaderMap) -> Level {
    let per_minute = state.records.limits.points_per_minute;
    let access = bearer(headers).filter(|_| state.strict).and_then(|token| state.access(&token));
    let bucket = access.map(|access| match &access.holder {
        Holder::App => format!("points {}", access.client_id),
        Holder::User { id, .. } => format!("points {} {id}", access.client_id),
    });
    let limit = if per_minute == 0 { UNLIMITED } else { per_minute };
    let untouched = Level { limit, remaining: limit - 1, reset: state.now.unix_timestamp() + 1, taken: true };
    bucket.and_then(|bucket| state.take(&bucket, per_minute)).unwrap_or(untouched)
}

/// Refuses a call if no point is left, and shows in every answer what remains.
pub(super) async fn limit(State(helix): State<Arc<MockTwitch>>, request: Request, next: Next) -> Response {
    let (level, now) = {
        let mut state = helix.world.enter();
        (spend(&mut state, request.headers()), state.now.unix_timestamp())
    };
    let mut response = if level.taken {
        next.run(request).await
    } else {
        Answer::error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests").into_response()
    };
    let remaining = if response.status() == StatusCode::TOO_MANY_REQUESTS { 0 } else { level.remaining };
    // Only a fault sets it.
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    let reset = retry_after.map_or(level.reset, |seconds| now + seconds);
    response.headers_mut().extend([
        (LIMIT, HeaderValue::from(level.limit)),
        (REMAINING, HeaderValue::from(remaining)),
        (RESET, HeaderValue::from(reset)),
    ]);
    response
}
