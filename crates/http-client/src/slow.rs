//! A request body that arrives slowly.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use reqwest::Body;

/// The number of pieces.
const PIECES: u32 = 10;

/// A body of which a tenth is sent at a time, the last after `over`. Its length is not known to the client: a request that
/// is to have a `Content-Length` sets it.
pub fn slowly(body: &Bytes, over: Duration) -> Body {
    let size = body.len().div_ceil(PIECES as usize).max(1);
    let pieces: Vec<_> = (0..body.len()).step_by(size).map(|at| body.slice(at..body.len().min(at + size))).collect();
    let pause = over / PIECES;
    Body::wrap_stream(stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, Infallible>(piece)
    }))
}
