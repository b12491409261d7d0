//! Answers that end early or come slowly.

use std::future::ready;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::response::Parts;

/// In how many pieces a slow body comes.
const PIECES: usize = 10;

/// Ends the connection without a single byte: nothing is written until the body has been polled once, and this body
/// fails at once.
pub(super) fn cut() -> Response {
    Response::new(Body::from_stream(stream::once(ready(aborted()))))
}

/// Ends the connection after half of the body.
pub(super) fn truncated(mut head: Parts, body: &Bytes) -> Response {
    let half = body.slice(..body.len() / 2);
    let failure = async {
        // The existing bytes are written when a body makes its connection wait.
        tokio::task::yield_now().await;
        aborted()
    };
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(head, Body::from_stream(stream::once(ready(Ok(half))).chain(stream::once(failure))))
}

/// Sends the body in pieces that take so long together.
pub(super) fn dribbled(mut head: Parts, body: &Bytes, time: Duration) -> Response {
    let length = body.len().div_ceil(PIECES).max(1);
    let pieces: Vec<_> =
        (0..body.len()).step_by(length).map(|at| body.slice(at..(at + length).min(body.len()))).collect();
    let pause = time / u32::try_from(pieces.len().max(1)).unwrap_or(u32::MAX);
    let late = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, io::Error>(piece)
    });
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(head, Body::from_stream(late))
}

fn aborted() -> io::Result<Bytes> {
    Err(io::ErrorKind::ConnectionAborted.into())
}
