//! Listening and answering: all addresses at once, slow clients cut off, open requests finished before the end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::bind::{BindUrls, Target};
use crate::deadline_body::DeadlineBody;
use crate::port_holder::{self, Holder};

/// What one client can take from everybody else.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections; more wait in the system's queue.
    pub connections: usize,
    /// Time for the head of a request, which is also how long a connection may stay idle.
    pub head: Duration,
    /// Size of the head of a request, in bytes.
    pub head_bytes: usize,
    /// Time for the body of a request.
    pub body: Duration,
    /// Time for open requests to finish after the shutdown was asked for.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            head: Duration::from_secs(30),
            head_bytes: 64 * 1024,
            body: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("{address} is taken{}", by(holder.as_ref()))]
    Taken {
        /// The address.
        address: SocketAddr,
        /// Who has it, where the system tells.
        holder: Option<Holder>,
    },
    /// The system refuses the address.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A host name cannot be looked up.
    #[error("a host of the addresses to listen on (Mgm__Urls, Mgm__MetricsUrls) cannot be looked up: {source}")]
    Unresolved {
        /// Why.
        source: io::Error,
    },
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

/// Sockets that listen, not yet answered on.
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
                    return Err(BindError::Taken { address, holder: port_holder::find(address.port()) });
                }
                Err(source) => return Err(BindError::Refused { address, source }),
            }
        }
        Ok(Self(listeners))
    }

    /// Where they listen; tells the port that the system chose when port 0 was asked for.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // IPv4 has a socket of its own.
        socket.set_only_v6(true)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

/// `localhost` and `+` do without IPv6 on a machine that has none.
fn is_missing_ip_version(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        // EAFNOSUPPORT has no kind of its own.
        || cfg!(target_os = "linux") && error.raw_os_error() == Some(97)
        || cfg!(target_os = "macos") && error.raw_os_error() == Some(47)
}

/// Answers requests until `shutdown` is cancelled and what was accepted by then is answered, but no longer than
/// [`Limits::drain`] after that.
///
/// Handlers find the peer's address in [`ConnectInfo<SocketAddr>`].
pub async fn serve(listeners: Listeners, router: Router, limits: Limits, shutdown: CancellationToken) {
    let graceful = Arc::new(GracefulShutdown::new());
    let cut = CancellationToken::new();
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut accepting = JoinSet::new();
    for listener in listeners.0 {
        let acceptor = Acceptor {
            listener,
            router: router.clone(),
            limits,
            permits: Arc::clone(&permits),
            graceful: Arc::clone(&graceful),
            cut: cut.clone(),
        };
        let shutdown = shutdown.clone();
        accepting.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                never = acceptor.run() => match never {},
            }
        });
    }
    accepting.join_all().await;
    let graceful = Arc::into_inner(graceful).expect("nothing but the acceptors, which have ended, shares it");
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(drain_seconds = limits.drain.as_secs(), "requests were still open after the drain time");
        cut.cancel();
    }
}

struct Acceptor {
    listener: TcpListener,
    router: Router,
    limits: Limits,
    permits: Arc<Semaphore>,
    graceful: Arc<GracefulShutdown>,
    cut: CancellationToken,
}

impl Acceptor {
    async fn run(self) -> Infallible {
        loop {
            let permit = Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = self.connection(stream, peer);
                    tokio::spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                // A connection that was gone before it was accepted is nobody's loss. Anything else, such as no free
                // file descriptor, passes when connections end.
                Err(error) if is_gone(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn connection(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + use<> {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot turn Nagle's algorithm off");
        }
        let router = self.router.clone();
        let body_time = self.limits.body;
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(|body| Body::new(DeadlineBody::new(body, body_time)));
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().call(request)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_header_size(self.limits.head_bytes)
            .serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        let cut = self.cut.clone();
        async move {
            tokio::select! {
                result = connection => if let Err(error) = result {
                    tracing::debug!(%peer, %error, "connection ended");
                },
                () = cut.cancelled() => {}
            }
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
