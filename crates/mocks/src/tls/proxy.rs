//! A proxy that leads the clients of Twitch's names to the front, wherever it listens, and nobody anywhere else.

use std::convert::Infallible;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::NAMES;
use super::front::{Front, serve_each};

/// The proxy.
#[derive(Clone)]
pub struct Proxy {
    front: Front,
}

impl Proxy {
    /// A proxy to this front.
    #[must_use]
    pub fn new(front: Front) -> Self {
        Self { front }
    }

    /// Serves connections until `shutdown`, and lets those that are open end.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        let serve = |stream| {
            let proxy = self.clone();
            async move { proxy.connection(stream).await }
        };
        serve_each(listener, shutdown, serve).await;
    }

    async fn connection(&self, stream: TcpStream) {
        let (tunnels, mut opened) = tokio::sync::mpsc::unbounded_channel();
        let answer = service_fn(move |request: Request<Incoming>| {
            let answer = if leads_to_twitch(&request) {
                // An error would mean that this connection has ended.
                let _ = tunnels.send(hyper::upgrade::on(request));
                Response::new(Full::default())
            } else {
                elsewhere()
            };
            async { Ok::<_, Infallible>(answer) }
        });
        let served = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).with_upgrades();
        if let Err(error) = served.await {
            tracing::debug!(%error, "a connection to the proxy ended");
        }
        if let Some(tunnel) = opened.recv().await
            && let Ok(tunnel) = tunnel.await
        {
            self.front.pass(TokioIo::new(tunnel)).await;
        }
    }
}

/// Whether it asks for a tunnel to one of the names.
fn leads_to_twitch(request: &Request<Incoming>) -> bool {
    let host = request.uri().host().unwrap_or_default();
    request.method() == Method::CONNECT && NAMES.iter().any(|name| host.eq_ignore_ascii_case(name))
}

fn elsewhere() -> Response<Full<Bytes>> {
    let text = format!("this proxy leads to {} only\n", NAMES.join(", "));
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}
