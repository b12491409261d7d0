//! Listening and serving: all addresses at once, slow clients cut off, everything that has arrived answered before the end.
//!
//! What strangers can use is limited in total, not only per client: connections by the number of file descriptors,
//! half-sent heads by a memory budget. When nothing is left, the client that has stalled longest gives way to a newcomer.

mod connection;
mod deadline_body;
mod drive;
mod limits;
mod registry;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mgm_system::port::{self, PortHolder};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bind::{BindUrls, Target};
use crate::descriptors;
use crate::log_throttle::LogThrottle;
use connection::ask;
use registry::Registry;

pub use drive::Reset;
pub use limits::Limits;

/// Connections that the system accepts in advance.
const BACKLOG: i32 = 1024;
/// How often the remaining connections are checked at the end. One on which nothing has arrived is kept for this long,
/// since its request may be on its way.
const LOOK: Duration = Duration::from_millis(250);
/// How long closed connections may take to end.
const CUT_TIME: Duration = Duration::from_secs(1);

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("{address} is taken{}", by(holder.as_ref()))]
    Taken {
        /// The address.
        address: SocketAddr,
        /// The process that has it, if the system tells.
        holder: Option<PortHolder>,
    },
    /// The system refuses the address.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// A host name cannot be looked up.
    #[error("a host of the addresses to listen on (Mgm__Urls, Mgm__MetricsUrls) cannot be looked up: {source}")]
    Unresolved {
        /// The resolver's error.
        source: io::Error,
    },
}

fn by(holder: Option<&PortHolder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

/// Listening sockets that are not served yet.
#[derive(Debug)]
pub struct Listeners(Vec<TcpListener>);

impl Listeners {
    /// Listens on every address; connections queue up until [`serve`].
    pub fn bind(urls: &BindUrls) -> Result<Self, BindError> {
        let targets = urls.resolve().map_err(|source| BindError::Unresolved { source })?;
        let mut listeners = Vec::with_capacity(targets.len());
        for Target { address, optional } in targets {
            match listen(address) {
                Ok(listener) => listeners.push(listener),
                Err(error) if optional && is_missing_ip_version(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(BindError::Taken { address, holder: port::holder(address.port()) });
                }
                Err(source) => return Err(BindError::Refused { address, source }),
            }
        }
        Ok(Self(listeners))
    }

    /// The addresses; for port 0 they show the port that the system chose.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The sockets, to serve something else than HTTP.
    #[must_use]
    pub fn into_sockets(self) -> Vec<TcpListener> {
        self.0
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // IPv4 has a separate socket.
        socket.set_only_v6(true)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// `localhost` and `+` skip IPv6 on a machine that has none.
fn is_missing_ip_version(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        // EAFNOSUPPORT has no `ErrorKind`.
        || cfg!(target_os = "linux") && error.raw_os_error() == Some(97)
        || cfg!(target_os = "macos") && error.raw_os_error() == Some(47)
}

/// Serves requests until `shutdown` is cancelled and everything that has arrived by then is answered, but no longer than
/// [`Limits::drain`] after that. A request that does not progress for [`Limits::stalled`] is not waited for.
///
/// Connections that the system has accepted by then count as arrived. Handlers find the peer's address in
/// [`axum::extract::ConnectInfo<SocketAddr>`].
pub async fn serve(listeners: Listeners, router: Router, limits: Limits, shutdown: CancellationToken) {
    let capacity = descriptors::connections(limits.connections, descriptors::raise(), limits.kept_descriptors);
    let registry = Arc::new(Registry::new(capacity, limits.trusted_proxies.clone()));
    let limits = Arc::new(limits);
    let mut accepting = JoinSet::new();
    for listener in listeners.0 {
        let acceptor = Acceptor {
            router: router.clone(),
            limits: Arc::clone(&limits),
            registry: Arc::clone(&registry),
            failed: LogThrottle::default(),
        };
        accepting.spawn(acceptor.run(listener, shutdown.clone()));
    }
    shutdown.cancelled().await;
    let asked_at = Instant::now();
    registry.ask_all(ask::END);
    let ended = tokio::time::timeout(limits.drain, async {
        accepting.join_all().await;
        while tokio::time::timeout(LOOK, registry.empty()).await.is_err() {
            registry.ask_all(ask::LATE);
            if asked_at.elapsed() >= limits.stalled {
                registry.end_stalled(limits.stalled);
            }
        }
    });
    if ended.await.is_err() {
        tracing::warn!(drain_seconds = limits.drain.as_secs(), "requests were still open after the drain time");
        registry.ask_all(ask::CUT);
        let _ = tokio::time::timeout(CUT_TIME, registry.empty()).await;
    }
}

struct Acceptor {
    router: Router,
    limits: Arc<Limits>,
    registry: Arc<Registry>,
    failed: LogThrottle,
}

impl Acceptor {
    async fn run(self, listener: TcpListener, shutdown: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer).await,
                Err(error) => self.failed(&error).await,
            }
        }
        if let Err(error) = self.drain(listener).await {
            tracing::error!(%error, "cannot accept the last connections");
        }
    }

    /// Accepts what the system has already accepted: closing the listener would reset those connections.
    async fn drain(&self, listener: TcpListener) -> io::Result<()> {
        // The runtime only knows connections that it was notified of.
        let listener = listener.into_std()?;
        // At most as many as there can have been, since others may keep coming.
        for _ in 0..=BACKLOG {
            match listener.accept() {
                Ok((stream, peer)) => {
                    stream.set_nonblocking(true)?;
                    self.take(TcpStream::from_std(stream)?, peer).await;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => self.failed(&error).await,
            }
        }
        Ok(())
    }

    async fn take(&self, stream: TcpStream, peer: SocketAddr) {
        let place = self.registry.admit(peer).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot turn Nagle's algorithm off");
        }
        let (router, limits) = (self.router.clone(), Arc::clone(&self.limits));
        tokio::spawn(drive::drive(stream, place, router, limits));
    }

    async fn failed(&self, error: &io::Error) {
        // A connection that ended before it was accepted does not matter.
        if is_gone(error) {
            return;
        }
        if let Some(times) = self.failed.due() {
            tracing::error!(%error, times, "cannot accept connections");
        }
        // Anything else, such as a lack of file descriptors, passes when connections end.
        self.registry.make_room();
        self.registry.wait(Duration::from_millis(100)).await;
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
