//! Real sockets against `serve`.
#![cfg(test)]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use mgm_service::bind::BindUrls;
use mgm_service::serve::{BindError, Limits, Listeners, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Limits that a test can wait for.
const SHORT: Limits = Limits {
    connections: 2,
    head: Duration::from_millis(300),
    head_bytes: 4096,
    body: Duration::from_millis(300),
    drain: Duration::from_millis(300),
};

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

fn start(limits: Limits, router: Router) -> Running {
    let listeners = Listeners::bind(&BindUrls::loopback(0)).unwrap();
    let address = listeners.addresses()[0];
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(serve(listeners, router, limits, shutdown.clone()));
    Running { address, shutdown, served }
}

/// Sends the text and reads until the server closes the connection.
async fn exchange(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is an end as well.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

const GET_CLOSE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn handlers_see_the_address_of_the_peer() {
    let router = Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }));
    let running = start(Limits::default(), router);
    let answer = exchange(running.address, GET_CLOSE).await;
    assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_holder() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let error = Listeners::bind(&BindUrls::loopback(address.port())).unwrap_err();
    assert!(matches!(error, BindError::Taken { .. }));
    let message = error.to_string();
    assert!(message.starts_with(&format!("{address} is taken")), "{message}");
    if cfg!(target_os = "linux") {
        assert!(message.ends_with(&format!("(pid {})", std::process::id())), "{message}");
    }
}

#[tokio::test]
async fn all_addresses_are_answered() {
    let urls: BindUrls = "http://localhost:0;http://127.0.0.1:0".parse().unwrap();
    let listeners = Listeners::bind(&urls).unwrap();
    let addresses = listeners.addresses();
    assert!(addresses.len() >= 2);
    let router = Router::new().route("/", get(|| async { "here" }));
    tokio::spawn(serve(listeners, router, Limits::default(), CancellationToken::new()));
    for address in addresses {
        assert!(exchange(address, GET_CLOSE).await.ends_with("here"), "{address}");
    }
}

#[tokio::test]
async fn a_request_that_was_accepted_is_answered_before_the_end() {
    let (entered, mut entering) = tokio::sync::mpsc::channel(1);
    let leave = CancellationToken::new();
    let left = leave.clone();
    let handler = move || async move {
        entered.send(()).await.unwrap();
        left.cancelled().await;
        "finished"
    };
    let running = start(Limits::default(), Router::new().route("/", get(handler)));
    let client = tokio::spawn(exchange(running.address, GET_CLOSE));
    entering.recv().await.unwrap();
    running.shutdown.cancel();
    // The listener is closed as soon as the shutdown is noticed, while the request is still open.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    leave.cancel();
    assert!(client.await.unwrap().ends_with("finished"));
    running.served.await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_after_the_drain_time() {
    let (entered, mut entering) = tokio::sync::mpsc::channel(1);
    let handler = move || async move {
        entered.send(()).await.unwrap();
        std::future::pending::<()>().await;
    };
    let running = start(SHORT, Router::new().route("/", get(handler)));
    let client = tokio::spawn(exchange(running.address, GET_CLOSE));
    entering.recv().await.unwrap();
    running.shutdown.cancel();
    running.served.await.unwrap();
    assert_eq!(client.await.unwrap(), "");
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let running = start(Limits::default(), Router::new().route("/", get(|| async { "x" })));
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    running.shutdown.cancel();
    running.served.await.unwrap();
}

#[tokio::test]
async fn a_head_that_does_not_come_loses_its_connection() {
    let running = start(SHORT, Router::new());
    assert_eq!(exchange(running.address, "GET / HTTP/1.1\r\nHost:").await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_an_error_of_the_handlers_extractor() {
    let running = start(SHORT, Router::new().route("/", post(|body: String| async { body })));
    let answer = exchange(running.address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("not complete"), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = start(SHORT, Router::new());
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(8192));
    assert!(exchange(running.address, &request).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let running = start(SHORT, Router::new().route("/", get(|| async { "served" })));
    let idle = [TcpStream::connect(running.address).await.unwrap(), TcpStream::connect(running.address).await.unwrap()];
    let answer = exchange(running.address, GET_CLOSE).await;
    assert!(answer.ends_with("served"), "{answer}");
    drop(idle);
}
