//! A bounded load: connections that stay open, each with one pending request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::notification::{Notification, PATH};
use crate::report::milliseconds;

/// The number of connections.
pub const CONNECTIONS: usize = 32;

/// Sends the notifications one after the other on every connection, each as soon as the previous one is answered, until
/// the time or the notifications run out; `cycle` starts over with the first. The connections are spread over the servers.
/// Returns how many were acknowledged per second.
pub async fn closed(to: &[SocketAddr], load: Arc<[Notification]>, duration: Duration, cycle: bool) -> Result<f64> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    let mut open = Vec::with_capacity(CONNECTIONS);
    for server in to.iter().cycle().take(CONNECTIONS) {
        open.push(Connection::open(*server).await?);
    }
    let started = Instant::now();
    for mut connection in open {
        let (load, next) = (Arc::clone(&load), Arc::clone(&next));
        connections.spawn(async move {
            let mut acknowledged = 0_u32;
            while started.elapsed() < duration {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let index = if cycle { number % load.len() } else { number };
                let Some(notification) = load.get(index) else { break };
                connection.send(notification).await?;
                acknowledged += 1;
            }
            anyhow::Ok(acknowledged)
        });
    }
    let mut acknowledged = 0;
    while let Some(count) = connections.join_next().await {
        acknowledged += count??;
    }
    Ok(f64::from(acknowledged) / started.elapsed().as_secs_f64())
}

/// Sends at a fixed rate per second, whether earlier ones are answered or not, and returns the latency of each in
/// milliseconds. It counts from the time the request was due, so that one slow answer does not hide the delay of others.
pub async fn open(to: SocketAddr, load: Arc<[Notification]>, per_second: u32) -> Result<Vec<f64>> {
    let pause = Duration::from_secs(1) / per_second;
    let mut connections = JoinSet::new();
    let mut open = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        open.push(Connection::open(to).await?);
    }
    let started = Instant::now();
    for (number, mut connection) in open.into_iter().enumerate() {
        let load = Arc::clone(&load);
        connections.spawn(async move {
            let mut latencies = Vec::with_capacity(load.len() / CONNECTIONS + 1);
            for (index, notification) in load.iter().enumerate().skip(number).step_by(CONNECTIONS) {
                let due = started + pause * u32::try_from(index)?;
                tokio::time::sleep_until(due.into()).await;
                connection.send(notification).await?;
                latencies.push(milliseconds(due.elapsed()));
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::with_capacity(load.len());
    while let Some(part) = connections.join_next().await {
        latencies.extend(part??);
    }
    Ok(latencies)
}

/// One connection.
#[derive(Debug)]
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// Connects.
    pub async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Sends a notification and waits for the acknowledgement.
    pub async fn send(&mut self, notification: &Notification) -> Result<()> {
        let mut request = Request::new(Full::new(notification.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = PATH.parse()?;
        *request.headers_mut() = notification.headers.clone();
        self.exchange(request).await
    }

    /// Gets a page and reads it.
    pub async fn get(&mut self, path: &str) -> Result<()> {
        let request = Request::get(path).body(Full::default())?;
        self.exchange(request).await
    }

    async fn exchange(&mut self, mut request: Request<Full<Bytes>>) -> Result<()> {
        request.headers_mut().insert("host", const { hyper::header::HeaderValue::from_static("127.0.0.1") });
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            bail!("the answer was {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(())
    }
}
