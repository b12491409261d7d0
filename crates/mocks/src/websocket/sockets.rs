//! All sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use mgm_api_types::mocks::{DeliveryOutcome, Verdict};
use mgm_twitch::eventsub::{Hostile, format_timestamp, header};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

use super::close::CloseCode;
use super::frame;
use super::session::{Line, Order, Orders, Session, line};
use crate::delivery::{Ledger, Message};
use crate::faults::Faults;
use crate::journal::{self, Journal};
use crate::world::World;

/// How many sessions there can be.
const CAPACITY: usize = 1000;

/// How many messages of a session can be held back.
const MAX_HELD: usize = 100;

/// How long a client has to reconnect.
const GRACE: Duration = Duration::seconds(30);

/// All sessions; shared by all clones.
#[derive(Clone, Debug)]
pub(crate) struct Sockets(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    world: Arc<World>,
    ledger: Ledger,
    journal: Journal,
    faults: Faults,
    sessions: Mutex<Sessions>,
    moved: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Sessions {
    connections: u64,
    by_id: HashMap<String, Session>,
}

/// A connection's part in a session.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) session: String,
    pub(super) connection: u64,
    pub(super) connected_at: OffsetDateTime,
    pub(super) keepalive_seconds: u32,
    pub(super) orders: Orders,
}

impl Sockets {
    pub(crate) fn new(world: Arc<World>, ledger: Ledger, journal: Journal, faults: Faults) -> Self {
        let moved = watch::Sender::new(());
        Self(Arc::new(Shared { world, ledger, journal, faults, sessions: Mutex::default(), moved }))
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        // No panic can leave a change incomplete.
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn world(&self) -> &World {
        &self.0.world
    }

    /// Changes when the world's time has moved.
    pub(super) fn time(&self) -> watch::Receiver<()> {
        self.0.moved.subscribe()
    }

    /// The world's time has moved.
    pub(crate) fn time_moved(&self) {
        self.0.moved.send_replace(());
    }

    /// A new id of a message.
    pub(super) fn message_id(&self) -> String {
        self.world().enter().random.uuid().to_string()
    }

    /// Begins a session for a connection to this address; `None` if there are too many.
    pub(super) fn begin(&self, address: String, keepalive_seconds: u32) -> Option<Seat> {
        let (id, connected_at) = {
            let state = self.world().enter();
            (state.random.letters(28), state.now)
        };
        let (line, orders) = line();
        let mut sessions = self.sessions();
        if sessions.by_id.len() >= CAPACITY {
            return None;
        }
        sessions.connections += 1;
        let connection = sessions.connections;
        let (challenge, held) = (None, vec![]);
        let session = Session { connected_at, keepalive_seconds, address, connection, line, challenge, held };
        sessions.by_id.insert(id.clone(), session);
        Some(Seat { session: id, connection, connected_at, keepalive_seconds, orders })
    }

    /// Lets a new connection take a session over, if it knows the challenge.
    pub(super) fn take_over(&self, id: &str, challenge: &str) -> Option<Seat> {
        let (line, orders) = line();
        let mut sessions = self.sessions();
        let connection = sessions.connections + 1;
        let session = sessions.by_id.get_mut(id)?;
        session.challenge.take_if(|wanted| wanted == challenge)?;
        session.connection = connection;
        session.line = line;
        let (connected_at, keepalive_seconds) = (session.connected_at, session.keepalive_seconds);
        sessions.connections = connection;
        Some(Seat { session: id.to_owned(), connection, connected_at, keepalive_seconds, orders })
    }

    /// A connection has ended, and with it the session, unless another one has taken that over.
    pub(super) fn end(&self, id: &str, connection: u64, status: &str) {
        let mut sessions = self.sessions();
        if sessions.by_id.get(id).is_none_or(|session| session.connection != connection) {
            return;
        }
        sessions.by_id.remove(id);
        drop(sessions);
        self.world().enter().disconnected(id, status);
    }

    /// When the session began, if it goes on.
    pub(crate) fn connected_at(&self, id: &str) -> Option<OffsetDateTime> {
        self.sessions().by_id.get(id).map(|session| session.connected_at)
    }

    /// Sends a message about a subscription, and records it.
    pub(crate) fn deliver(&self, message: Message) {
        let Some(id) = message.subscription.session().map(str::to_owned) else { return };
        let now = self.world().clock().now();
        let mut sessions = self.sessions();
        let Some(session) = sessions.by_id.get_mut(&id) else {
            self.record(&message, &id, now, String::new(), Err("the WebSocket is closed"));
            return;
        };
        if message.hostile == Some(Hostile::Reordered) && session.held.len() < MAX_HELD {
            session.held.push(message);
            return;
        }
        for message in [vec![message], std::mem::take(&mut session.held)].into_iter().flatten() {
            let times = if message.hostile == Some(Hostile::Duplicate) { 2 } else { 1 };
            for _ in 0..times {
                self.make(&session.line, &message, &id, now);
            }
        }
    }

    /// Makes a delivery, with the fault that waits for it.
    fn make(&self, line: &Line, message: &Message, to: &str, now: OffsetDateTime) {
        let Shared { journal, faults, .. } = &*self.0;
        let (body, problem) = body(message, now);
        let headers = headers(message, now);
        let uri: Uri = format!("/ws?session={to}").parse().unwrap_or_default();
        let (method, client_id) = (&Method::GET, message.subscription.client_id.as_str());
        let facts = journal::Delivery { method, uri: &uri, headers: &headers, body: body.as_bytes(), client_id };
        let plan = faults.next_delivery(&facts);
        if plan.times == 0 {
            journal.sent(&facts).with_fault(plan.fault).unanswered(Verdict::Withheld);
            self.record(message, to, now, body, Err("it was withheld, as a fault asked for"));
            return;
        }
        for _ in 0..plan.times {
            let result = problem.map_or_else(|| line.send_after(plan.delay, body.clone()), Err);
            let verdict = if result.is_ok() { Verdict::Sent } else { Verdict::Withheld };
            journal.sent(&facts).with_fault(plan.fault).unanswered(verdict);
            self.record(message, to, now, body.clone(), result);
        }
    }

    fn record(&self, message: &Message, to: &str, now: OffsetDateTime, body: String, result: Result<(), &str>) {
        let mut delivery = message.delivery(0, to, now);
        if result.is_ok() {
            delivery.outcome = DeliveryOutcome::Sent;
        }
        delivery.problem = result.err().map(str::to_owned);
        self.0.ledger.add(self.0.ledger.generation(), delivery, Bytes::from(body));
    }

    /// Demands that a session's client reconnects; returns the address, or `None` if there is no such session.
    pub(crate) fn reconnect(&self, id: &str) -> Option<String> {
        let (challenge, message_id, until) = {
            let state = self.world().enter();
            (state.random.uuid().to_string(), state.random.uuid().to_string(), state.now + GRACE)
        };
        let mut sessions = self.sessions();
        let session = sessions.by_id.get_mut(id)?;
        let url = format!("{}?challenge={challenge}&id={id}", session.address);
        let payload = frame::reconnect(id, session.connected_at, &url);
        let demand = frame::about_session("session_reconnect", &message_id, self.world().clock().now(), &payload);
        session.challenge = Some(challenge);
        session.line.order(Order::Reconnect(demand, until)).then_some(url)
    }

    /// Closes a session's connection; returns whether there is such a session.
    pub(crate) fn close(&self, id: &str, code: CloseCode) -> bool {
        self.sessions().by_id.get(id).is_some_and(|session| session.line.order(Order::Close(code)))
    }

    /// Closes all connections.
    pub(crate) fn reset(&self) {
        let sessions = std::mem::take(&mut self.sessions().by_id);
        for session in sessions.into_values() {
            session.line.order(Order::Close(CloseCode::InternalError));
        }
    }

    /// All sessions, for the admin API.
    pub(crate) fn show(&self) -> Vec<Value> {
        let sessions = self.sessions();
        let mut all: Vec<_> = sessions.by_id.iter().collect();
        all.sort_by_key(|(_, session)| session.connection);
        let show = |(id, session): (&String, &Session)| {
            json!({
                "id": id,
                "connected_at": format_timestamp(session.connected_at),
                "keepalive_timeout_seconds": session.keepalive_seconds,
                "is_reconnecting": session.challenge.is_some(),
            })
        };
        all.into_iter().map(show).collect()
    }
}

/// What is sent, and why it cannot be, if so.
fn body(message: &Message, now: OffsetDateTime) -> (String, Option<&'static str>) {
    let sent_at = message.hostile.map_or(now, |hostile| hostile.sent_at(now));
    let body = frame::about_subscription(message, sent_at);
    match message.hostile {
        Some(Hostile::BadSignature | Hostile::Changed | Hostile::Slow) => {
            (body, Some("there is no such hostile delivery over a WebSocket"))
        }
        Some(hostile) => (String::from_utf8(hostile.to_sign(body.into_bytes())).unwrap_or_default(), None),
        None => (body, None),
    }
}

/// The headers that a webhook would have, for the journal and for faults.
fn headers(message: &Message, now: OffsetDateTime) -> HeaderMap {
    let subscription = &message.subscription;
    let named = [
        (header::MESSAGE_ID, message.id.clone()),
        (header::MESSAGE_TYPE, message.kind.name().to_owned()),
        (header::MESSAGE_TIMESTAMP, format_timestamp(now)),
        (header::SUBSCRIPTION_TYPE, subscription.kind.clone()),
        (header::SUBSCRIPTION_VERSION, subscription.version.clone()),
    ];
    let header = |(name, value): (&'static str, String)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
    };
    named.into_iter().filter_map(header).collect()
}
