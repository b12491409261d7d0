//! Reads bodies in bounded memory: bounded for each body, and for all of them together.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use futures_util::task::AtomicWaker;

use crate::memory::{Budget, Holder, KEPT_PAUSES, PAUSE, Share};

/// The memory of all bodies together, in bytes: everything of those that do not arrive at once, and of the others what
/// exceeds the first 4 KiB of each.
pub const BUDGET: usize = 4 * 1024 * 1024;
/// The allowance of each body, in bytes: more than an ordinary notification, so that slow senders of long bodies only
/// compete with one another.
const ALLOWANCE: usize = 4 * 1024;
/// What a request whose body does not arrive at once costs besides the body, in bytes: its fields and its task. It is less
/// than they really take, and together with [`BUDGET`] limits the number of such requests.
const UNFINISHED: usize = 24 * 1024;
/// How many bytes beyond its limit are read of a body that is too long, and discarded: a client that is still writing when
/// the connection is closed does not see the answer.
const DISCARDED: usize = 8 * 1024 * 1024;

/// How long a body waits for memory, in pauses.
const PATIENCE: u8 = 120;
/// How many bodies wait for memory at a time: each holds what has arrived of it.
const WAITING: usize = 128;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than allowed.
    #[error("the body is too long")]
    TooLong,
    /// Other bodies are using the memory.
    #[error("there is no memory for the body")]
    NoMemory,
    /// It was cut off, or took too long.
    #[error("the body did not arrive whole")]
    Incomplete,
}

/// A body and its share of the memory.
#[derive(Debug)]
pub struct Buffered {
    /// The bytes that were sent.
    pub bytes: Bytes,
    _memory: Option<Share>,
}

/// Reads a body of at most `limit` bytes; beyond an allowance it takes memory from the budget. A body that waits for its
/// client loses its memory to one that does not.
pub async fn read(mut body: Body, limit: usize, budget: &Budget) -> Result<Buffered, BodyError> {
    let mut read = Vec::new();
    let mut reader: Option<Reader> = None;
    loop {
        let data = if let Some(data) = arrived(&mut body).await {
            data?
        } else {
            let reader = reader.get_or_insert_with(|| Reader::new(budget));
            reader.grow(UNFINISHED + excess(read.capacity())).await?;
            next(&mut body, reader).await?
        };
        let Some(data) = data else { break };
        let length = read.len() + data.len();
        if length > limit {
            drop((read, reader));
            discard(body, length).await;
            return Err(BodyError::TooLong);
        }
        let complete = body.is_end_stream();
        // A body in one piece is passed on unchanged.
        let whole = complete && read.is_empty();
        let capacity = if whole || length <= read.capacity() {
            length.max(read.capacity())
        } else if complete {
            length
        } else {
            (2 * length).min(limit)
        };
        if excess(capacity) > 0 {
            let reader = reader.get_or_insert_with(|| Reader::new(budget));
            reader.grow(excess(capacity)).await?;
        }
        if whole {
            return Ok(Buffered { bytes: data, _memory: reader.map(|reader| reader.share) });
        }
        read.reserve_exact(capacity - read.len());
        read.extend_from_slice(&data);
    }
    Ok(Buffered { bytes: read.into(), _memory: reader.map(|reader| reader.share) })
}

/// The share to request when this much of a body is held.
const fn excess(capacity: usize) -> usize {
    capacity.saturating_sub(ALLOWANCE)
}

/// The reader of a body that does not arrive at once, or exceeds the allowance.
struct Reader {
    share: Share,
    wait: Arc<Wait>,
}

impl Reader {
    fn new(budget: &Budget) -> Self {
        let wait = Arc::new(Wait::default());
        Self { share: budget.share(Arc::clone(&wait) as Arc<dyn Holder>), wait }
    }

    /// Takes memory up to `bytes`; waits for some time if all holders are making progress.
    async fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        if self.share.grow(bytes).is_ok() {
            return Ok(());
        }
        let _waiting = self.share.wait(WAITING).map_err(|_| BodyError::NoMemory)?;
        let mut pauses = 0;
        while self.share.grow(bytes).is_err() {
            if self.wait.evicted.load(Ordering::Acquire) || pauses == PATIENCE {
                return Err(BodyError::NoMemory);
            }
            self.wait.stalled.store(pauses >= KEPT_PAUSES, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
            pauses += 1;
        }
        self.wait.stalled.store(false, Ordering::Relaxed);
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Wait {
    /// No more of the body arrives.
    stalled: AtomicBool,
    evicted: AtomicBool,
    waker: AtomicWaker,
}

impl Holder for Wait {
    fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    fn evict(&self) {
        self.evicted.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// The next piece, if it has arrived; `None` at the end.
async fn arrived(body: &mut Body) -> Option<Result<Option<Bytes>, BodyError>> {
    let mut has_asked = false;
    poll_fn(|cx| match poll_data(body, cx) {
        Poll::Ready(data) => Poll::Ready(Some(data)),
        // hyper reads what has arrived only when polled: only then is it known whether there is any.
        Poll::Pending if !has_asked => {
            has_asked = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits for the next piece; `None` at the end.
async fn next(body: &mut Body, reader: &Reader) -> Result<Option<Bytes>, BodyError> {
    let wait = &reader.wait;
    let data = poll_fn(|cx| {
        let polled = poll_data(body, cx);
        wait.waker.register(cx.waker());
        wait.stalled.store(polled.is_pending(), Ordering::Relaxed);
        if wait.evicted.load(Ordering::Acquire) { Poll::Ready(Err(BodyError::NoMemory)) } else { polled }
    })
    .await;
    wait.stalled.store(false, Ordering::Relaxed);
    data
}

fn poll_data(body: &mut Body, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
    loop {
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Poll::Ready(Ok(Some(data)));
                }
            }
            Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(BodyError::Incomplete)),
            Poll::Ready(None) => return Poll::Ready(Ok(None)),
            Poll::Pending => return Poll::Pending,
        }
    }
}

async fn discard(mut body: Body, mut length: usize) {
    let end = length.saturating_add(DISCARDED);
    while let Ok(Some(data)) = poll_fn(|cx| poll_data(&mut body, cx)).await {
        length += data.len();
        if length > end {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    const LONG: usize = 1024 * 1024;

    /// A body that arrives in pieces.
    fn pieces(count: usize, length: usize) -> Body {
        let piece = Ok::<_, Infallible>(Bytes::from(vec![b'x'; length]));
        Body::from_stream(stream::iter(vec![piece; count]))
    }

    /// A body whose end never arrives.
    fn unfinished(length: usize) -> Body {
        let piece = Ok::<_, Infallible>(Bytes::from(vec![b'x'; length]));
        Body::from_stream(stream::iter([piece]).chain(stream::pending()))
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_whole() {
        let budget = Budget::new(BUDGET);
        for (count, length) in [(0, 0), (1, 10), (10, 1), (1, 100_000), (10, 10_000)] {
            let read = read(pieces(count, length), 100_000, &budget).await.unwrap();
            assert_eq!(read.bytes.len(), count * length);
        }
        assert_eq!(budget.free(), BUDGET);
    }

    #[tokio::test]
    async fn a_longer_body_is_refused() {
        let budget = Budget::new(BUDGET);
        for (count, length) in [(1, 11), (11, 1), (10_000, 10_000)] {
            assert_eq!(read(pieces(count, length), 10, &budget).await.unwrap_err(), BodyError::TooLong);
        }
    }

    #[tokio::test]
    async fn long_bodies_share_what_memory_there_is_and_short_ones_need_none_of_it() {
        let budget = Budget::new(BUDGET);
        let mut held = vec![];
        let refused = loop {
            match read(pieces(64, LONG / 64), LONG, &budget).await {
                Ok(read) => held.push(read),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused, BodyError::NoMemory);
        assert!(held.len() * (LONG - ALLOWANCE) <= BUDGET);
        assert!(read(pieces(1, ALLOWANCE), LONG, &budget).await.is_ok());
        held.clear();
        assert!(read(pieces(1, LONG), LONG, &budget).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_that_is_there_wins_over_those_that_have_stalled_longest() {
        let budget = Budget::new(BUDGET);
        let mut stalled: Vec<_> = (0..BUDGET / (UNFINISHED + 2 * 60_000 - ALLOWANCE))
            .map(|_| Box::pin(read(unfinished(60_000), LONG, &budget)))
            .collect();
        for body in &mut stalled {
            // The first poll asks for what may have arrived.
            let _ = body.as_mut().now_or_never();
            let _ = body.as_mut().now_or_never();
        }
        let notification = read(pieces(100, 1024), LONG, &budget).await.unwrap();
        assert_eq!(notification.bytes.len(), 100 * 1024);
        let ended: Vec<_> = stalled.iter_mut().map(|body| body.as_mut().now_or_never()).collect();
        let lost = ended.iter().take_while(|ended| matches!(ended, Some(Err(BodyError::NoMemory)))).count();
        assert!((1..ended.len()).contains(&lost), "{lost}");
        assert!(ended[lost..].iter().all(Option::is_none), "none but the longest stalled lose");
    }

    #[tokio::test]
    async fn requests_whose_bodies_do_not_come_are_bounded_and_take_no_memory_when_they_do() {
        const MANY: usize = BUDGET / UNFINISHED;
        let budget = Budget::new(BUDGET);
        let mut stalled: Vec<_> = (0..=MANY).map(|_| Box::pin(read(unfinished(10), LONG, &budget))).collect();
        for body in &mut stalled {
            for _ in 0..2 {
                let _ = body.as_mut().now_or_never();
            }
        }
        let ended: Vec<_> = stalled.iter_mut().map(|body| body.as_mut().now_or_never()).collect();
        assert!(matches!(ended[0], Some(Err(BodyError::NoMemory))), "{:?}", ended[0]);
        assert!(ended[1..].iter().all(Option::is_none), "none but the longest stalled loses");
        // A body that has arrived completely needs none.
        assert_eq!(read(pieces(1, ALLOWANCE), LONG, &budget).await.unwrap().bytes.len(), ALLOWANCE);
    }
}
