//! Middleware that injects the faults of requests.

use std::fmt;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use mgm_api_types::mocks::{FaultKind, Verdict};
use mgm_service::serve::Reset;

use super::bodies::{cut, dribbled, truncated};
use super::effect::Effect;
use super::party::{Common, Party};
use super::script::Faults;
use crate::journal::Outcome;

/// The message of an error that was asked for.
const ASKED_FOR: &str = "a fault that was asked for";

/// The faults of a stand-in, and the party that it replaces.
#[derive(Clone)]
pub(crate) struct Injector {
    pub(crate) faults: Faults,
    pub(crate) party: Arc<dyn Party>,
}

impl Injector {
    /// For a party whose routes have no names and whose callers are not known.
    pub(crate) fn without_rules() -> Self {
        Self { faults: Faults::default(), party: Arc::new(Common) }
    }
}

impl fmt::Debug for Injector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injector").field("faults", &self.faults).finish_non_exhaustive()
    }
}

/// Injects the next fault of a request. What a request asks for happens before any delay.
pub(crate) async fn inject(State(injector): State<Injector>, request: Request, next: Next) -> Response {
    let Injector { faults, party } = injector;
    if faults.is_empty() {
        return next.run(request).await;
    }
    let (head, rest) = request.into_parts();
    let body = head.extensions.get::<Bytes>().cloned().unwrap_or_default();
    let Some((kind, effect)) = faults.next(&head, &body, &*party) else {
        return next.run(Request::from_parts(head, rest)).await;
    };
    let path = head.uri.path();
    match effect {
        Effect::Status(status) if !status.is_success() => whole(kind, party.refuse(path, status, ASKED_FOR)),
        Effect::NotSent(reason) => whole(kind, party.not_done(&head, &reason)),
        Effect::RateLimited(seconds) => {
            let mut response = party.refuse(path, StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            whole(kind, response)
        }
        Effect::Dropped(delay) => {
            tokio::time::sleep(delay).await;
            ended(kind, cut())
        }
        Effect::Reset(delay) => {
            tokio::time::sleep(delay).await;
            let mut response = cut();
            response.extensions_mut().insert(Reset);
            ended(kind, response)
        }
        Effect::Status(_) | Effect::ReplyLost | Effect::Truncated | Effect::Slow(_) | Effect::SlowBody(_) => {
            let response = next.run(Request::from_parts(head, rest)).await;
            changed(kind, effect, response).await
        }
    }
}

/// Changes the answer to a request that was carried out.
async fn changed(kind: FaultKind, effect: Effect, response: Response) -> Response {
    match effect {
        Effect::Status(status) => whole(kind, with_success(response, status)),
        Effect::Slow(delay) => {
            tokio::time::sleep(delay).await;
            whole(kind, response)
        }
        Effect::Truncated => {
            let (head, body) = taken_apart(response).await;
            // Half of nothing is nothing: then the connection ends without an answer.
            if body.is_empty() {
                ended(kind, cut())
            } else {
                marked(kind, Verdict::Truncated, Some(body.clone()), truncated(head, &body))
            }
        }
        Effect::SlowBody(time) => {
            let (head, body) = taken_apart(response).await;
            marked(kind, Verdict::Answered, Some(body.clone()), dribbled(head, &body, time))
        }
        Effect::ReplyLost | Effect::NotSent(_) | Effect::RateLimited(_) | Effect::Dropped(_) | Effect::Reset(_) => {
            ended(kind, cut())
        }
    }
}

fn whole(kind: FaultKind, response: Response) -> Response {
    marked(kind, Verdict::Answered, None, response)
}

fn ended(kind: FaultKind, response: Response) -> Response {
    marked(kind, Verdict::Cut, None, response)
}

fn marked(fault: FaultKind, verdict: Verdict, body: Option<Bytes>, mut response: Response) -> Response {
    response.extensions_mut().insert(Outcome { verdict, fault, body });
    response
}

/// Replaces the status, if the answer is a success.
fn with_success(mut response: Response, status: StatusCode) -> Response {
    if !response.status().is_success() {
        return response;
    }
    *response.status_mut() = status;
    if [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT].contains(&status) {
        *response.body_mut() = Body::empty();
        let headers: &mut HeaderMap = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_LENGTH);
    }
    response
}

async fn taken_apart(response: Response) -> (Parts, Bytes) {
    let (head, body) = response.into_parts();
    // Handlers answer in one piece.
    (head, to_bytes(body, usize::MAX).await.unwrap_or_default())
}
