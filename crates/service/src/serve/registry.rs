//! All open connections: how many are allowed, and which one is closed to make room for another.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::Notify;

use super::connection::{Connection, Group, Phase, ask};
use crate::log_throttle::LogThrottle;

/// How long a newcomer waits before it checks again for a free place; it is usually notified earlier.
const PAUSE: Duration = Duration::from_millis(50);

/// All open connections.
#[derive(Debug)]
pub(super) struct Registry {
    capacity: usize,
    /// Proxies, whose connections belong to other people, so that having many of them is no reason to close one.
    trusted: Vec<IpNet>,
    open: Mutex<Open>,
    /// A place is free, or a connection that was asked for its place keeps it.
    changed: Notify,
    full: LogThrottle,
}

#[derive(Debug, Default)]
struct Open {
    connections: HashMap<u64, Arc<Connection>>,
    groups: HashMap<IpAddr, Arc<Group>>,
    next: u64,
    /// What is asked of every connection.
    asked: u8,
}

/// The place of an open connection; freed when dropped.
#[derive(Debug)]
pub(super) struct Place {
    registry: Arc<Registry>,
    id: u64,
    pub(super) connection: Arc<Connection>,
}

impl Registry {
    pub(super) fn new(capacity: usize, trusted: Vec<IpNet>) -> Self {
        Self { capacity, trusted, open: Mutex::default(), changed: Notify::new(), full: LogThrottle::default() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a newcomer. If none is free, it takes the place of the connection that has been silent longest among those
    /// of the address with the most connections. Waits while all are being answered.
    pub(super) async fn admit(self: &Arc<Self>, peer: SocketAddr) -> Place {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(place) = self.try_admit(peer) {
                return place;
            }
            if self.make_room()
                && let Some(closed) = self.full.due()
            {
                tracing::warn!(
                    connections = self.capacity,
                    closed,
                    "too many connections; the longest silent are closed"
                );
            }
            let _ = tokio::time::timeout(PAUSE, changed).await;
        }
    }

    fn try_admit(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let mut open = self.open();
        if open.connections.len() >= self.capacity {
            return None;
        }
        let group = match self.address(peer) {
            Some(address) => Arc::clone(open.groups.entry(address).or_default()),
            None => Arc::default(),
        };
        group.open.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(peer, group, open.asked));
        let id = open.next;
        open.next += 1;
        open.connections.insert(id, Arc::clone(&connection));
        Some(Place { registry: Arc::clone(self), id, connection })
    }

    /// The address that a connection counts against; `None` for a trusted proxy. An IPv6 client counts as its /64.
    fn address(&self, peer: SocketAddr) -> Option<IpAddr> {
        let address = peer.ip().to_canonical();
        if self.trusted.iter().any(|net| net.contains(&address)) {
            return None;
        }
        Some(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        })
    }

    /// Asks the connection that has been silent longest, among those of the address with the most, to end; returns whether
    /// there is one.
    pub(super) fn make_room(&self) -> bool {
        let open = self.open();
        let silent = open.connections.values().filter(|connection| {
            connection.phase() != Phase::Busy && connection.asked() & (ask::YIELD | ask::CUT) == 0
        });
        let chosen = silent
            .max_by_key(|connection| (connection.group.open.load(Ordering::Relaxed), Reverse(connection.since())));
        if let Some(connection) = chosen {
            connection.ask(ask::YIELD);
        }
        chosen.is_some()
    }

    /// Waits for some time for a place to become free.
    pub(super) async fn wait(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.changed.notified()).await;
    }

    /// Asks something of all connections, present and future.
    pub(super) fn ask_all(&self, what: u8) {
        let mut open = self.open();
        open.asked |= what;
        for connection in open.connections.values() {
            connection.ask(what);
        }
    }

    /// Asks connections to end on which a partial request has not progressed for this long.
    pub(super) fn end_stalled(&self, longest: Duration) {
        let is_stalled = |connection: &&Arc<Connection>| {
            matches!(connection.phase(), Phase::Head | Phase::Body) && connection.heard().elapsed() > longest
        };
        self.open().connections.values().filter(is_stalled).for_each(|connection| connection.ask(ask::YIELD));
    }

    /// Waits until no connection is open.
    pub(super) async fn empty(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.open().connections.is_empty() {
                return;
            }
            changed.await;
        }
    }
}

impl Place {
    /// Keeps the place although it was asked for, since something has arrived.
    pub(super) fn keep(&self) {
        self.connection.keep();
        self.registry.changed.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.registry.open();
        open.connections.remove(&self.id);
        if self.connection.group.open.fetch_sub(1, Ordering::Relaxed) == 1
            && let Some(address) = self.registry.address(self.connection.peer)
        {
            open.groups.remove(&address);
        }
        drop(open);
        self.registry.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn registry(capacity: usize) -> Arc<Registry> {
        Arc::new(Registry::new(capacity, vec!["10.0.0.0/8".parse().unwrap()]))
    }

    fn enter(registry: &Arc<Registry>, address: &str) -> Place {
        registry.admit(SocketAddr::new(address.parse().unwrap(), 1)).now_or_never().unwrap()
    }

    fn is_asked(place: &Place) -> bool {
        place.connection.asked() & ask::YIELD != 0
    }

    /// Makes the others silent for longer, in this order, by a measurable time.
    async fn later() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    #[tokio::test]
    async fn the_address_with_the_most_loses_the_one_that_was_silent_longest() {
        let registry = registry(8);
        let lone = enter(&registry, "192.0.2.9");
        let mut many = vec![];
        for _ in 0..3 {
            many.push(enter(&registry, "192.0.2.1"));
            later().await;
        }
        // It starts waiting anew.
        many[0].connection.received(1);
        many[0].connection.read_waits();
        // Behind a proxy are other people: its connections count one by one.
        let _proxied: Vec<_> = (0..4).map(|_| enter(&registry, "10.0.0.1")).collect();
        assert!(registry.admit("192.0.2.2:1".parse().unwrap()).now_or_never().is_none());
        assert!(is_asked(&many[1]) && !is_asked(&many[0]) && !is_asked(&many[2]) && !is_asked(&lone));
        many.remove(1);
        enter(&registry, "192.0.2.2");
    }

    #[tokio::test]
    async fn one_network_of_ipv6_is_one_address() {
        let registry = registry(3);
        let lone = enter(&registry, "2001:db8:2::1");
        later().await;
        let (first, second) = (enter(&registry, "2001:db8:1::1"), enter(&registry, "2001:db8:1::2"));
        assert!(registry.admit("192.0.2.2:1".parse().unwrap()).now_or_never().is_none());
        assert!(!is_asked(&lone) && (is_asked(&first) || is_asked(&second)));
        drop((lone, first, second));
        assert!(registry.open().groups.is_empty());
    }

    #[tokio::test]
    async fn whoever_is_answered_keeps_its_place() {
        let registry = registry(1);
        let busy = enter(&registry, "192.0.2.1");
        busy.connection.body_goes_on();
        assert!(registry.admit("192.0.2.2:1".parse().unwrap()).now_or_never().is_none());
        assert!(!is_asked(&busy));
        let waiting = tokio::spawn({
            let registry = Arc::clone(&registry);
            async move { drop(registry.admit("192.0.2.2:1".parse().unwrap()).await) }
        });
        drop(busy);
        waiting.await.unwrap();
    }
}
