//! A request body with a deadline, so that a client that sends single bytes does not hold resources for long.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

use super::connection::Connection;

/// The body did not arrive completely in time.
#[derive(Debug, thiserror::Error)]
#[error("the request body was not complete within {} s", .0.as_secs())]
pub struct TooSlow(Duration);

/// Fails with [`TooSlow`] if the body is not complete in time, counted from the first moment with nothing to read.
#[derive(Debug)]
pub(crate) struct DeadlineBody<B> {
    inner: B,
    allowed: Duration,
    /// Records whether it waits for the body.
    connection: Arc<Connection>,
    /// Created only when the body has to be waited for, which does not happen for ordinary requests.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> DeadlineBody<B> {
    pub(crate) fn new(inner: B, allowed: Duration, connection: Arc<Connection>) -> Self {
        Self { inner, allowed, connection, deadline: None }
    }
}

impl<B> Drop for DeadlineBody<B> {
    fn drop(&mut self) {
        // Nobody waits for it any longer.
        self.connection.body_ends();
        if self.deadline.is_some() {
            self.connection.body_goes_on();
        }
    }
}

impl<B> HttpBody for DeadlineBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            if frame.is_none() || this.inner.is_end_stream() {
                this.connection.body_ends();
            }
            if this.deadline.is_some() {
                this.connection.body_goes_on();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let allowed = this.allowed;
        this.connection.body_waits();
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(allowed)));
        deadline.as_mut().poll(cx).map(|()| {
            this.connection.body_goes_on();
            Some(Err(TooSlow(allowed).into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
