//! Middleware that keeps the journal.

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use mgm_api_types::mocks::Verdict;

use super::outcome::Outcome;
use super::packed::MAX_BODY;
use super::store::Journal;

/// Records the request before it is answered, since some never are, and then its answer.
pub(crate) async fn record(State(journal): State<Journal>, request: Request, next: Next) -> Response {
    let (head, rest) = request.into_parts();
    let body = head.extensions.get::<Bytes>().map_or(&[][..], |body| body);
    let open = journal.received(&head, body);
    let response = next.run(Request::from_parts(head, rest)).await;
    let (head, body) = response.into_parts();
    let outcome = head.extensions.get::<Outcome>();
    let (verdict, fault) = outcome.map_or((Verdict::Answered, None), |outcome| (outcome.verdict, Some(outcome.fault)));
    let open = open.with_fault(fault);
    if verdict == Verdict::Cut {
        open.unanswered(verdict);
        return Response::from_parts(head, body);
    }
    if let Some(body) = outcome.and_then(|outcome| outcome.body.as_ref()) {
        open.answered(verdict, head.status, &head.headers, Some(body), body.len());
    } else {
        match body.size_hint().exact().map(usize::try_from) {
            Some(Ok(size)) if size <= MAX_BODY => {
                let (bytes, body) = read(body, size).await;
                open.answered(verdict, head.status, &head.headers, bytes.as_deref(), size);
                return Response::from_parts(head, body);
            }
            Some(Ok(size)) => open.answered(verdict, head.status, &head.headers, None, size),
            Some(Err(_)) | None => open.answered(verdict, head.status, &head.headers, None, 0),
        }
    }
    Response::from_parts(head, body)
}

/// Reads the body of an answer, which is there in one piece.
async fn read(body: Body, size: usize) -> (Option<Bytes>, Body) {
    if size == 0 {
        return (Some(Bytes::new()), body);
    }
    match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(bytes) => (Some(bytes.clone()), Body::from(bytes)),
        // No answer of known length fails.
        Err(error) => (None, Body::from(error.to_string())),
    }
}
