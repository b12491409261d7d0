//! The state of an open connection: its peer, what it waits for, and what is asked of it.
//!
//! One task serves a connection and is the only writer of its state. Others read the state and ask for actions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hyper::Request;
use hyper::body::Body;
use tokio::time::Instant;

use crate::memory::Holder;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// For nothing: a request is being answered.
    Busy,
    /// For a request of which nothing has arrived.
    Idle,
    /// For the rest of a head.
    Head,
    /// For the rest of a body.
    Body,
    /// For the client to read the answer.
    Answer,
}

impl Phase {
    const ALL: [Self; 5] = [Self::Busy, Self::Idle, Self::Head, Self::Body, Self::Answer];
}

/// What can be asked of a connection; several at once.
pub(super) mod ask {
    /// To answer what has arrived, and then to end.
    pub(crate) const END: u8 = 1;
    /// With [`END`]: not to wait for a first request any longer.
    pub(crate) const LATE: u8 = 2;
    /// To end unless something has arrived: others need its place, or its time to wait is over.
    pub(crate) const YIELD: u8 = 4;
    /// To end now.
    pub(crate) const CUT: u8 = 8;
}

/// The connections of one address.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) open: AtomicUsize,
}

/// Smaller differences from the calculated size of a head do not count as another request: the shortest possible request
/// is longer.
const TOLERANCE: i64 = 16;

/// The shared state of an open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) peer: SocketAddr,
    pub(super) group: Arc<Group>,
    opened: Instant,
    phase: AtomicU8,
    /// What it last waited for, while that continues: single bytes do not restart a wait.
    waited: AtomicU8,
    /// When that began, in milliseconds after `opened`.
    since: AtomicU64,
    /// When the client last sent something, likewise.
    heard: AtomicU64,
    asked: AtomicU8,
    waker: AtomicWaker,
    /// A request is under way, until its answer has been handed over.
    in_service: AtomicBool,
    /// The body of that request is not complete, and its handler still wants it.
    body_open: AtomicBool,
    /// The handler asks for more of that body.
    wants_body: AtomicBool,
    /// Bytes that have arrived for the head of the current request, or of the next one.
    head_bytes: AtomicUsize,
    /// Bytes that have arrived beyond the end of the current request; negative while its body is not complete.
    ahead: AtomicI64,
    /// When it was last checked because others asked, something had arrived that had not been read.
    arrived: AtomicBool,
    /// It ends with a reset.
    ends_by_reset: AtomicBool,
    /// It is no longer one of HTTP: whoever has upgraded it decides what it waits for.
    upgraded: AtomicBool,
}

impl Connection {
    pub(super) fn new(peer: SocketAddr, group: Arc<Group>, asked: u8) -> Self {
        Self {
            peer,
            group,
            opened: Instant::now(),
            phase: AtomicU8::new(Phase::Idle as u8),
            waited: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            asked: AtomicU8::new(asked),
            waker: AtomicWaker::new(),
            in_service: AtomicBool::new(false),
            body_open: AtomicBool::new(false),
            wants_body: AtomicBool::new(false),
            head_bytes: AtomicUsize::new(0),
            ahead: AtomicI64::new(0),
            arrived: AtomicBool::new(false),
            ends_by_reset: AtomicBool::new(false),
            upgraded: AtomicBool::new(false),
        }
    }

    /// What it waits for.
    pub(super) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    /// When the wait began.
    pub(super) fn since(&self) -> Instant {
        self.opened + Duration::from_millis(self.since.load(Ordering::Relaxed))
    }

    /// When something last arrived; initially, when it was opened.
    pub(super) fn heard(&self) -> Instant {
        self.opened + Duration::from_millis(self.heard.load(Ordering::Relaxed))
    }

    fn age(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Asks for an action, and wakes the connection's task.
    pub(super) fn ask(&self, what: u8) {
        self.asked.fetch_or(what, Ordering::AcqRel);
        self.waker.wake();
    }

    /// The actions asked for; `waker` is woken when there are more.
    pub(super) fn listen(&self, waker: &Waker) -> u8 {
        self.waker.register(waker);
        self.asked()
    }

    pub(super) fn asked(&self) -> u8 {
        self.asked.load(Ordering::Acquire)
    }

    /// Something has arrived: it keeps its place.
    pub(super) fn keep(&self) {
        self.asked.fetch_and(!ask::YIELD, Ordering::AcqRel);
        self.set(Phase::Busy);
    }

    fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Starts to wait, unless it already does.
    fn wait(&self, phase: Phase) {
        if self.waited.swap(phase as u8, Ordering::Relaxed) != phase as u8 {
            self.since.store(self.age(), Ordering::Relaxed);
        }
        self.set(phase);
    }

    /// What it waited for has arrived.
    fn go_on(&self) {
        self.waited.store(Phase::Busy as u8, Ordering::Relaxed);
        self.set(Phase::Busy);
    }

    pub(super) fn set_arrived(&self, arrived: bool) {
        self.arrived.store(arrived, Ordering::Relaxed);
    }

    pub(super) fn has_arrived(&self) -> bool {
        self.arrived.load(Ordering::Relaxed)
    }

    /// It is given to another protocol.
    pub(super) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Relaxed)
    }

    /// Bytes were read and are being parsed.
    pub(super) fn received(&self, bytes: usize) {
        self.set(Phase::Busy);
        self.heard.store(self.age(), Ordering::Relaxed);
        if self.is_upgraded() {
            return;
        }
        if self.is_in_service() {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            let ahead = self.ahead.load(Ordering::Relaxed);
            self.ahead.store(ahead.saturating_add(bytes), Ordering::Relaxed);
        } else {
            let head = self.head_bytes.load(Ordering::Relaxed);
            self.head_bytes.store(head + bytes, Ordering::Relaxed);
        }
    }

    /// There is nothing to read.
    pub(super) fn read_waits(&self) {
        if self.is_upgraded() {
            return;
        }
        if !self.is_in_service() {
            self.wait(if self.head_bytes() == 0 { Phase::Idle } else { Phase::Head });
        } else if self.wants_body.load(Ordering::Relaxed) {
            self.wait(Phase::Body);
        }
    }

    /// The client does not read what is written.
    pub(super) fn write_waits(&self) {
        self.wait(Phase::Answer);
    }

    /// The client reads what is written again.
    pub(super) fn write_goes_on(&self) {
        self.go_on();
    }

    /// The handler asks for more of the body.
    pub(crate) fn body_waits(&self) {
        self.wants_body.store(true, Ordering::Relaxed);
    }

    /// More of the body has arrived, or the handler no longer asks for it.
    pub(crate) fn body_goes_on(&self) {
        self.wants_body.store(false, Ordering::Relaxed);
        self.set(Phase::Busy);
    }

    /// The body is complete, or nobody wants it.
    pub(crate) fn body_ends(&self) {
        self.body_open.store(false, Ordering::Relaxed);
    }

    /// Bytes that have arrived for the head of the current request, or of the next one.
    pub(super) fn head_bytes(&self) -> usize {
        self.head_bytes.load(Ordering::Relaxed)
    }

    /// Ends it with a reset, whenever it ends.
    pub(super) fn end_by_reset(&self) {
        self.ends_by_reset.store(true, Ordering::Relaxed);
    }

    pub(super) fn ends_by_reset(&self) -> bool {
        self.ends_by_reset.load(Ordering::Relaxed)
    }

    pub(super) fn is_in_service(&self) -> bool {
        self.in_service.load(Ordering::Relaxed)
    }

    /// A head is complete.
    pub(super) fn begin<B: Body>(&self, request: &Request<B>) {
        self.go_on();
        // Anything after a body of unknown length cannot be distinguished from it.
        let ahead = request.body().size_hint().exact().map_or(i64::MIN / 2, |body| {
            let read = i64::try_from(self.head_bytes()).unwrap_or(i64::MAX);
            read - head_size(request) - i64::try_from(body).unwrap_or(i64::MAX)
        });
        self.ahead.store(ahead, Ordering::Relaxed);
        self.body_open.store(!request.body().is_end_stream(), Ordering::Relaxed);
        self.in_service.store(true, Ordering::Relaxed);
    }

    /// Whether another request, or a part of it, has arrived behind the current one.
    pub(super) fn has_another(&self) -> bool {
        self.ahead.load(Ordering::Relaxed) >= TOLERANCE
    }

    /// The answer has been handed over.
    fn end(&self) {
        let ahead = if self.has_another() { self.ahead.load(Ordering::Relaxed) } else { 0 };
        self.head_bytes.store(usize::try_from(ahead).unwrap_or_default(), Ordering::Relaxed);
        self.in_service.store(false, Ordering::Relaxed);
        self.go_on();
    }
}

impl Holder for Connection {
    /// Also true for one that holds a long head while its body waits for memory, or for anything except the client: many of
    /// them would wait for each other.
    fn is_stalled(&self) -> bool {
        let waits_with_body = self.body_open.load(Ordering::Relaxed) && !self.wants_body.load(Ordering::Relaxed);
        self.phase() != Phase::Busy || self.is_in_service() && waits_with_body
    }

    fn evict(&self) {
        self.ask(ask::CUT);
    }
}

/// Ends the current request when dropped.
#[derive(Debug)]
pub(super) struct UnderWay(pub(super) Arc<Connection>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The length of a head as clients write it, in bytes: hyper does not report it.
fn head_size<B>(request: &Request<B>) -> i64 {
    let uri = request.uri();
    let target = uri.path_and_query().map_or(1, |target| target.as_str().len())
        + uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len())
        + uri.authority().map_or(0, |authority| authority.as_str().len());
    let line = request.method().as_str().len() + target + "  HTTP/1.1\r\n".len();
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    i64::try_from(line + fields.sum::<usize>() + "\r\n".len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_head_has_the_size_that_clients_write() {
        for text in [
            "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
            "POST /a?b=c HTTP/1.1\r\nhost: x\r\naccept: a\r\naccept: b\r\n\r\n",
            "GET http://x/a HTTP/1.1\r\nhost: x\r\n\r\n",
        ] {
            let mut lines = text.trim_end().split("\r\n");
            let mut words = lines.next().unwrap().split(' ');
            let mut request = Request::builder().method(words.next().unwrap()).uri(words.next().unwrap());
            for line in lines {
                let (name, value) = line.split_once(": ").unwrap();
                request = request.header(name, value);
            }
            assert_eq!(head_size(&request.body(Body::empty()).unwrap()), i64::try_from(text.len()).unwrap(), "{text}");
        }
    }
}
