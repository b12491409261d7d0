//! Requested faults, and how they change an answer.

use std::collections::VecDeque;
use std::future::ready;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use mgm_api_types::mocks::{DropReason, Fault, FaultKind, FaultRoute};

use super::answer::Answer;
use crate::error::Refusal;
use crate::shell::Cut;

/// How many faults can wait.
const CAPACITY: usize = 1000;

/// The longest delay that can be requested.
const MAX_DELAY: Duration = Duration::from_secs(600);

const DEFAULT_DELAY: Duration = Duration::from_secs(1);

/// The pending faults, in order for each route.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<VecDeque<Fault>>);

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    None,
    Status(StatusCode),
    NotSent(Option<DropReason>),
    Duplicate,
    ReplyLost,
    Truncated,
    Slow(Duration),
    Dropped(Duration),
}

impl Faults {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        // No panic can leave a change incomplete.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds all faults, or none if one is invalid.
    pub(crate) fn add(&self, faults: Vec<Fault>) -> Result<(), Refusal> {
        faults.iter().try_for_each(check)?;
        let mut queue = self.queue();
        if queue.len() + faults.len() > CAPACITY {
            return Err(Refusal::invalid(format!("at most {CAPACITY} faults can wait")));
        }
        queue.extend(faults);
        Ok(())
    }

    /// The pending faults, each with the number of requests that it will still affect.
    pub(crate) fn waiting(&self) -> Vec<Fault> {
        self.queue().iter().cloned().collect()
    }

    pub(crate) fn reset(&self) {
        self.queue().clear();
    }

    /// Takes the effect on the next request of the route.
    pub(crate) fn next(&self, route: FaultRoute) -> Effect {
        let mut queue = self.queue();
        let Some(place) = queue.iter().position(|fault| fault.route == route) else { return Effect::None };
        let fault = &mut queue[place];
        let effect = effect(fault);
        fault.times -= 1;
        if fault.times == 0 {
            queue.remove(place);
        }
        effect
    }
}

fn check(fault: &Fault) -> Result<(), Refusal> {
    let Fault { kind, route, status, times, delay_ms, drop_reason } = fault;
    if drop_reason.is_some() && (*kind != FaultKind::NotSent || *route != FaultRoute::Chat) {
        return Err(Refusal::invalid("only the kind not_sent of the route chat takes a dropReason"));
    }
    if *times == 0 {
        return Err(Refusal::invalid("times is at least 1"));
    }
    match status {
        Some(_) if *kind != FaultKind::Status => return Err(Refusal::invalid("only the kind status takes a status")),
        Some(status) if !(200..=599).contains(status) => return Err(Refusal::invalid("status is from 200 to 599")),
        Some(_) | None => {}
    }
    match delay_ms {
        Some(_) if !matches!(kind, FaultKind::Slow | FaultKind::Dropped) => {
            Err(Refusal::invalid("only the kinds slow and dropped take a delayMs"))
        }
        Some(delay) if Duration::from_millis(*delay) > MAX_DELAY => {
            Err(Refusal::invalid(format!("delayMs is at most {}", MAX_DELAY.as_millis())))
        }
        Some(_) | None => Ok(()),
    }
}

fn effect(fault: &Fault) -> Effect {
    match fault.kind {
        FaultKind::Status => {
            let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
            Effect::Status(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        }
        FaultKind::NotSent => Effect::NotSent(fault.drop_reason.clone()),
        FaultKind::Duplicate => Effect::Duplicate,
        FaultKind::ReplyLost => Effect::ReplyLost,
        FaultKind::Truncated => Effect::Truncated,
        FaultKind::Slow => Effect::Slow(fault.delay_ms.map_or(DEFAULT_DELAY, Duration::from_millis)),
        FaultKind::Dropped => Effect::Dropped(fault.delay_ms.map_or(Duration::ZERO, Duration::from_millis)),
    }
}

/// The reason for a fault that gives none.
const ASKED_FOR: &str = "A fault that was asked for.";

impl Effect {
    /// Why a message is not sent, if it is not: code and text.
    pub(crate) fn drop_reason(&self) -> (&str, &str) {
        match self {
            Self::NotSent(Some(DropReason { code, message })) => (code, message),
            Self::Duplicate => ("msg_duplicate", ASKED_FOR),
            Self::None
            | Self::Status(_)
            | Self::NotSent(None)
            | Self::ReplyLost
            | Self::Truncated
            | Self::Slow(_)
            | Self::Dropped(_) => ("msg_rejected", ASKED_FOR),
        }
    }

    /// Answers a request. `happen` does what the request asks for; `not_sent` is the answer that says that it was
    /// accepted but not carried out.
    pub(crate) async fn apply(self, happen: impl FnOnce() -> Answer, not_sent: Answer) -> Response {
        match self {
            Self::None => happen().into_response(),
            Self::Status(status) if status.is_success() => happen().with_success(status).into_response(),
            Self::Status(status) => Answer::error(status, "a fault that was asked for").into_response(),
            Self::NotSent(_) | Self::Duplicate => not_sent.into_response(),
            Self::ReplyLost => {
                happen();
                cut()
            }
            Self::Truncated => truncated(&happen()),
            Self::Slow(delay) => {
                let answer = happen();
                tokio::time::sleep(delay).await;
                answer.into_response()
            }
            Self::Dropped(delay) => {
                tokio::time::sleep(delay).await;
                cut()
            }
        }
    }
}

/// Ends the connection without a single byte: nothing is written until the body has been polled once, and this body
/// fails at once.
fn cut() -> Response {
    let mut response = Response::new(Body::from_stream(stream::once(ready(aborted()))));
    response.extensions_mut().insert(Cut);
    response
}

/// Ends the connection after half of the body.
fn truncated(answer: &Answer) -> Response {
    let whole = answer.body.to_string();
    let half = Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() / 2]);
    let failure = async {
        // The existing bytes are written when a body makes its connection wait.
        tokio::task::yield_now().await;
        aborted()
    };
    let body = stream::once(ready(Ok(half))).chain(stream::once(failure));
    let head = [(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_LENGTH, whole.len().to_string())];
    (answer.status, head, Body::from_stream(body)).into_response()
}

fn aborted() -> io::Result<Bytes> {
    Err(io::ErrorKind::ConnectionAborted.into())
}
