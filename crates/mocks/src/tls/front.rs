//! The end of TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, split};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long open connections may take to end after the shutdown, once MockHelixApi has answered everything.
const DRAIN: Duration = Duration::from_secs(11);

/// Passes everything on, decrypted.
#[derive(Clone)]
pub struct Front {
    acceptor: TlsAcceptor,
    behind: SocketAddr,
}

impl Front {
    /// A front of what listens at `behind`.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>, behind: SocketAddr) -> Self {
        Self { acceptor: TlsAcceptor::from(config), behind }
    }

    /// Serves connections until `shutdown`, and lets those that are open end.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        let serve = |stream| {
            let front = self.clone();
            async move { front.pass(stream).await }
        };
        serve_each(listener, shutdown, serve).await;
    }

    /// Serves one connection.
    pub(super) async fn pass<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        if let Err(error) = self.passed(stream).await {
            tracing::debug!(%error, "a connection with TLS ended");
        }
    }

    async fn passed<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<()> {
        let client = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await??;
        let mut behind = TcpStream::connect(self.behind).await?;
        behind.set_nodelay(true)?;
        let (mut from_client, mut to_client) = split(client);
        let (mut from_behind, mut to_behind) = behind.split();
        let there = async {
            let copied = copy(&mut from_client, &mut to_behind).await;
            // The answer may still come.
            to_behind.shutdown().await?;
            copied.map(drop)
        };
        let back = async {
            copy(&mut from_behind, &mut to_client).await?;
            to_client.shutdown().await
        };
        tokio::pin!(there, back);
        tokio::select! {
            result = &mut back => result,
            result = &mut there => {
                result?;
                back.await
            }
        }
    }
}

/// Serves each connection in a task, until `shutdown`, and waits for them to end.
pub(super) async fn serve_each<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    shutdown: CancellationToken,
    serve: impl Fn(TcpStream) -> F,
) {
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(serve(stream));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    tasks.close();
    let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
}
