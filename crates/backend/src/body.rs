//! Reading bodies in bounded memory: each body by itself, and all of them together.

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::ApiError;

/// What bodies may take together, in bytes, beyond [`ALLOWANCE`] each.
const BUDGET: usize = 8 * 1024 * 1024;
/// What each body has without asking, in bytes: more than an ordinary notification, so that whoever sends long bodies
/// slowly is in nobody's way but their own kind's.
const ALLOWANCE: usize = 4 * 1024;
/// How much more than its limit is read of a body that is too long, in bytes, and thrown away: a client that is still
/// writing when the connection is closed does not see the answer.
const DISCARDED: usize = 8 * 1024 * 1024;

/// The memory for bodies.
#[derive(Debug)]
pub struct BodyBudget(Semaphore);

/// A body, with the memory that it has.
#[derive(Debug)]
pub struct Buffered<'a> {
    /// What was sent.
    pub bytes: Bytes,
    _memory: Option<SemaphorePermit<'a>>,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self(Semaphore::new(BUDGET))
    }
}

impl BodyBudget {
    /// Reads a body of at most `limit` bytes: 413 when it is longer, 503 when other bodies have the memory.
    pub async fn read(&self, mut body: Body, limit: usize) -> Result<Buffered<'_>, ApiError> {
        let mut read = BytesMut::new();
        let mut memory: Option<SemaphorePermit<'_>> = None;
        while let Some(data) = next(&mut body).await? {
            let length = read.len() + data.len();
            if length > limit {
                discard(body, length).await;
                return Err(ApiError::PayloadTooLarge);
            }
            let needed = length.saturating_sub(ALLOWANCE) - memory.as_ref().map_or(0, SemaphorePermit::num_permits);
            if needed > 0 {
                let more = u32::try_from(needed).ok().and_then(|needed| self.0.try_acquire_many(needed).ok());
                let more = more.ok_or(ApiError::Unavailable)?;
                match &mut memory {
                    Some(memory) => memory.merge(more),
                    None => memory = Some(more),
                }
            }
            if read.is_empty() && body_is_complete(&body) {
                return Ok(Buffered { bytes: data, _memory: memory });
            }
            read.extend_from_slice(&data);
        }
        Ok(Buffered { bytes: read.freeze(), _memory: memory })
    }
}

fn body_is_complete(body: &Body) -> bool {
    axum::body::HttpBody::is_end_stream(body)
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::InvalidPayload("the body did not arrive whole".to_owned()))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

async fn discard(mut body: Body, mut length: usize) {
    let end = length.saturating_add(DISCARDED);
    while let Ok(Some(data)) = next(&mut body).await {
        length += data.len();
        if length > end {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    /// A body that arrives in pieces.
    fn pieces(count: usize, length: usize) -> Body {
        let piece = Ok::<_, Infallible>(Bytes::from(vec![b'x'; length]));
        Body::from_stream(stream::iter(vec![piece; count]))
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_whole() {
        let budget = BodyBudget::default();
        for (count, length) in [(0, 0), (1, 10), (10, 1), (1, 100_000), (10, 10_000)] {
            let read = budget.read(pieces(count, length), 100_000).await.unwrap();
            assert_eq!(read.bytes.len(), count * length);
        }
        assert_eq!(budget.0.available_permits(), BUDGET);
    }

    #[tokio::test]
    async fn a_longer_body_is_refused() {
        let budget = BodyBudget::default();
        for (count, length) in [(1, 11), (11, 1), (10_000, 10_000)] {
            let refused = budget.read(pieces(count, length), 10).await.unwrap_err();
            assert!(matches!(refused, ApiError::PayloadTooLarge), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn long_bodies_share_what_memory_there_is_and_short_ones_need_none_of_it() {
        const LONG: usize = 1024 * 1024;
        let budget = BodyBudget::default();
        let mut held = vec![];
        let refused = loop {
            match budget.read(pieces(64, LONG / 64), LONG).await {
                Ok(read) => held.push(read),
                Err(refused) => break refused,
            }
        };
        assert!(matches!(refused, ApiError::Unavailable), "{refused:?}");
        assert!(held.len() * (LONG - ALLOWANCE) <= BUDGET);
        assert!(budget.read(pieces(1, ALLOWANCE), LONG).await.is_ok());
        held.clear();
        assert!(budget.read(pieces(1, LONG), LONG).await.is_ok());
    }
}
