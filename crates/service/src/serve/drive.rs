//! One connection from its first byte to its last.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tower::Service as _;

use super::connection::{Connection, Phase, UnderWay, ask};
use super::deadline_body::DeadlineBody;
use super::limits::Limits;
use super::registry::Place;
use super::wire::{Wire, has_arrived};

/// Marks an answer whose connection ends with a reset (TCP's RST) when its body fails. It is for stand-ins that play a
/// network that fails.
#[derive(Clone, Copy, Debug)]
pub struct Reset;

/// The smallest buffer that hyper reads into, in bytes.
const SMALLEST_BUFFER: usize = 8 * 1024;

/// Serves a connection until either side ends it.
pub(super) async fn drive(stream: TcpStream, place: Place, router: Router, limits: Arc<Limits>) {
    let place = Arc::new(place);
    let connection = &place.connection;
    let timer = tokio::time::sleep(limits.head.min(limits.answer));
    tokio::pin!(timer);
    let watch = Watch { place: &place, limits: &limits };
    // A connection on which nothing has arrived gets no resources.
    if !poll_fn(|cx| watch.poll_first(&stream, timer.as_mut(), cx)).await {
        return;
    }
    let service = {
        let (connection, body_time) = (Arc::clone(connection), limits.body);
        hyper::service::service_fn(move |request| answer(router.clone(), &connection, body_time, request))
    };
    let wire = Wire::new(stream, Arc::clone(&place), limits.memory.clone());
    let served = hyper::server::conn::http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(SMALLEST_BUFFER))
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    tokio::pin!(served);
    poll_fn(|cx| {
        let asked = connection.listen(cx.waker());
        connection.set_arrived(false);
        if asked & ask::CUT == 0
            && let Poll::Ready(result) = served.as_mut().poll(cx)
        {
            if let Err(error) = result {
                tracing::debug!(peer = %connection.peer, %error, "connection ended");
            }
            return Poll::Ready(());
        }
        watch.poll_end(asked, timer.as_mut(), cx).map(|()| {
            tracing::debug!(peer = %connection.peer, phase = ?connection.phase(), asked, "connection closed");
        })
    })
    .await;
}

/// What ends a connection besides its two sides.
struct Watch<'a> {
    place: &'a Place,
    limits: &'a Limits,
}

impl Watch<'_> {
    /// Whether something arrives before it has to end.
    fn poll_first(&self, stream: &TcpStream, timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<bool> {
        let connection = &self.place.connection;
        let asked = connection.listen(cx.waker());
        if asked & ask::CUT == 0 && stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        connection.set_arrived(asked != 0 && has_arrived(stream));
        // A first request may still be on its way.
        let asked = if asked & ask::LATE == 0 { asked & !ask::END } else { asked };
        self.poll_end(asked, timer, cx).map(|()| false)
    }

    fn poll_end(&self, asked: u8, timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        let connection = &self.place.connection;
        if asked & ask::CUT != 0 {
            return Poll::Ready(());
        }
        let is_silent = connection.phase() != Phase::Busy && !connection.has_arrived();
        if asked & ask::YIELD != 0 {
            if is_silent {
                return Poll::Ready(());
            }
            self.place.keep();
        }
        if asked & ask::END != 0 && is_silent && connection.phase() == Phase::Idle {
            return Poll::Ready(());
        }
        self.poll_time(timer, cx)
    }

    /// Whether it has waited too long. The timer is reset when it fires, not with every request.
    fn poll_time(&self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        let (head, answer) = (self.limits.head, self.limits.answer);
        let connection = &self.place.connection;
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let due = match connection.phase() {
                Phase::Idle | Phase::Head => connection.since() + head,
                Phase::Answer => connection.since() + answer,
                // A body has its own time limit.
                Phase::Busy | Phase::Body => now + head.min(answer),
            };
            if due <= now {
                return Poll::Ready(());
            }
            // At the earliest time at which a wait that begins now could be too long.
            timer.as_mut().reset(due.min(now + head.min(answer)));
        }
        Poll::Pending
    }
}

/// Answers one request.
fn answer(
    mut router: Router,
    connection: &Arc<Connection>,
    body_time: Duration,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, std::convert::Infallible>> + use<> {
    connection.begin(&request);
    let under_way = UnderWay(Arc::clone(connection));
    let mut request = request.map(|body| {
        if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(DeadlineBody::new(body, body_time, Arc::clone(connection)))
        }
    });
    request.extensions_mut().insert(ConnectInfo(connection.peer));
    let answered = router.call(request);
    async move {
        let mut response = answered.await?;
        let connection = &under_way.0;
        if connection.asked() & ask::END != 0 && !connection.has_another() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if response.extensions().get::<Reset>().is_some() {
            connection.end_by_reset();
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            connection.upgrade();
        }
        Ok(response.map(|body| Answer { body, _under_way: under_way }))
    }
}

/// The body of an answer: its request is under way until the body has been handed over.
struct Answer {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Answer {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
