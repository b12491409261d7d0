//! One connection from its welcome to its end.

use std::ops::ControlFlow;
use std::time::Duration as StdDuration;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::close::{CloseCode, DISCONNECTED};
use super::frame;
use super::session::Order;
use super::sockets::{Seat, Sockets};

/// How long a client may take to read a message, or to answer a close message.
const PATIENCE: StdDuration = StdDuration::from_secs(10);

/// What a client connects for.
#[derive(Debug)]
pub(crate) enum Wanted<'a> {
    /// A new session.
    Session {
        /// The address that it connects to.
        address: String,
        /// The time without a message after which a keepalive message is sent.
        keepalive_seconds: u32,
    },
    /// A session that it was told to take along.
    Reconnect {
        /// The session's id.
        id: &'a str,
        /// The challenge that it was given.
        challenge: &'a str,
    },
}

/// Accepts a connection; `None` if there are too many sessions.
pub(crate) fn connect(sockets: &Sockets, wanted: Wanted<'_>, upgrade: WebSocketUpgrade) -> Option<Response> {
    let (sockets, seat) = match wanted {
        Wanted::Session { address, keepalive_seconds } => {
            (sockets.clone(), Some(sockets.begin(address, keepalive_seconds)?))
        }
        Wanted::Reconnect { id, challenge } => (sockets.clone(), sockets.take_over(id, challenge)),
    };
    Some(upgrade.on_upgrade(async move |socket| match seat {
        Some(seat) => serve(socket, sockets, seat).await,
        None => close(socket, CloseCode::InvalidReconnect).await,
    }))
}

/// What a connection has to do by the world's clock, and when.
#[derive(Debug)]
struct Times {
    keepalive: Duration,
    /// When a keepalive message is due.
    keepalive_at: OffsetDateTime,
    /// When the session must have a subscription.
    used_by: Option<OffsetDateTime>,
    /// When a ping is due, if there are any.
    ping_at: Option<OffsetDateTime>,
    /// When a ping must have been answered.
    pong_by: Option<OffsetDateTime>,
    /// When the client must have reconnected and left.
    left_by: Option<OffsetDateTime>,
}

impl Times {
    fn next(&self) -> OffsetDateTime {
        let others = [self.used_by, self.ping_at, self.pong_by, self.left_by];
        others.into_iter().flatten().fold(self.keepalive_at, OffsetDateTime::min)
    }
}

/// The time after so many seconds; none if it is 0.
fn after(now: OffsetDateTime, seconds: u32) -> Option<OffsetDateTime> {
    (seconds > 0).then(|| now + Duration::seconds(seconds.into()))
}

struct Connection {
    socket: WebSocket,
    sockets: Sockets,
    seat: Seat,
    times: Times,
}

/// Why a connection ends: Twitch closes it, or the client has.
type End = Option<CloseCode>;

/// Serves a connection until it ends.
async fn serve(socket: WebSocket, sockets: Sockets, seat: Seat) {
    let (now, ping_seconds) = {
        let state = sockets.world().enter();
        (state.now, state.records.delivery.ping_seconds)
    };
    let keepalive = Duration::seconds(seat.keepalive_seconds.into());
    let times = Times {
        keepalive,
        keepalive_at: now + keepalive,
        used_by: Some(now + keepalive),
        ping_at: after(now, ping_seconds),
        pong_by: None,
        left_by: None,
    };
    let mut connection = Connection { socket, sockets, seat, times };
    let end = match connection.run().await {
        ControlFlow::Break(end) => end,
        ControlFlow::Continue(()) => None,
    };
    let Connection { socket, sockets, seat, .. } = connection;
    tracing::info!(session = seat.session, code = end.map(CloseCode::code), "a WebSocket has ended");
    sockets.end(&seat.session, seat.connection, end.map_or(DISCONNECTED, CloseCode::status));
    if let Some(code) = end {
        close(socket, code).await;
    }
}

/// Closes a connection, and waits for the client to notice.
async fn close(mut socket: WebSocket, code: CloseCode) {
    let frame = CloseFrame { code: code.code(), reason: code.reason().into() };
    let closed = async {
        if socket.send(Frame::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // Whoever does not notice in time has lost the connection all the same.
    let _ = tokio::time::timeout(PATIENCE, closed).await;
}

impl Connection {
    async fn run(&mut self) -> ControlFlow<End> {
        let mut time = self.sockets.time();
        let payload = frame::welcome(&self.seat.session, self.seat.connected_at, self.seat.keepalive_seconds);
        self.say("session_welcome", &payload).await?;
        loop {
            let now = self.act().await?;
            let pause = StdDuration::try_from(self.times.next() - now).unwrap_or_default();
            tokio::select! {
                received = self.socket.recv() => self.received(received.as_ref())?,
                Some(order) = self.seat.orders.next() => self.obey(order).await?,
                changed = time.changed() => if changed.is_err() { return ControlFlow::Break(None) },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Does what is due; returns the world's time.
    async fn act(&mut self) -> ControlFlow<End, OffsetDateTime> {
        let (now, every, within, is_used) = {
            let state = self.sockets.world().enter();
            let rules = &state.records.delivery;
            (state.now, rules.ping_seconds, rules.pong_seconds, state.uses(&self.seat.session))
        };
        let is_over = |by: Option<OffsetDateTime>| by.is_some_and(|by| by <= now);
        if is_over(self.times.left_by) {
            return ControlFlow::Break(Some(CloseCode::GraceExpired));
        }
        if is_over(self.times.pong_by) {
            return ControlFlow::Break(Some(CloseCode::FailedPingPong));
        }
        if is_used {
            self.times.used_by = None;
        } else if is_over(self.times.used_by) {
            return ControlFlow::Break(Some(CloseCode::Unused));
        }
        if self.times.keepalive_at <= now {
            self.say("session_keepalive", &json!({})).await?;
        }
        if is_over(self.times.ping_at) {
            self.send(Frame::Ping(Bytes::new())).await?;
            self.times.pong_by = self.times.pong_by.or_else(|| after(now, within));
            self.times.ping_at = after(now, every);
        }
        ControlFlow::Continue(now)
    }

    fn received(&mut self, received: Option<&Result<Frame, axum::Error>>) -> ControlFlow<End> {
        match received {
            Some(Ok(Frame::Pong(_))) => {
                self.times.pong_by = None;
                ControlFlow::Continue(())
            }
            // Clients that check the connection themselves are not refused.
            Some(Ok(Frame::Ping(_))) => ControlFlow::Continue(()),
            Some(Ok(Frame::Text(_) | Frame::Binary(_))) => ControlFlow::Break(Some(CloseCode::InboundTraffic)),
            Some(Ok(Frame::Close(_)) | Err(_)) | None => ControlFlow::Break(None),
        }
    }

    async fn obey(&mut self, order: Order) -> ControlFlow<End> {
        match order {
            Order::Send(frame) => self.send_text(frame).await,
            Order::Reconnect(frame, by) => {
                self.times.left_by = Some(by);
                self.send_text(frame).await
            }
            Order::Close(code) => ControlFlow::Break(Some(code)),
        }
    }

    /// Sends a message about the session.
    async fn say(&mut self, kind: &str, payload: &Value) -> ControlFlow<End> {
        let now = self.sockets.world().clock().now();
        let frame = frame::about_session(kind, &self.sockets.message_id(), now, payload);
        self.send_text(frame).await
    }

    /// Sends a message, after which the client may be left in silence again.
    async fn send_text(&mut self, text: String) -> ControlFlow<End> {
        self.times.keepalive_at = self.sockets.world().enter().now + self.times.keepalive;
        self.send(Frame::text(text)).await
    }

    async fn send(&mut self, frame: Frame) -> ControlFlow<End> {
        match tokio::time::timeout(PATIENCE, self.socket.send(frame)).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) => ControlFlow::Break(None),
            Err(_) => ControlFlow::Break(Some(CloseCode::NetworkTimeout)),
        }
    }
}
