//! `serve` over real sockets.
#![cfg(test)]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use mgm_service::bind::BindUrls;
use mgm_service::memory::Budget;
use mgm_service::serve::{BindError, Limits, Listeners, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Limits that a test can wait for.
fn short() -> Limits {
    Limits {
        connections: 2,
        head: Duration::from_millis(300),
        head_bytes: 4096,
        body: Duration::from_millis(300),
        answer: Duration::from_millis(300),
        drain: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// Time limits that no test reaches: nothing is closed because of them.
fn patient() -> Limits {
    let hour = Duration::from_secs(3600);
    Limits { head: hour, body: hour, answer: hour, stalled: hour, ..Limits::default() }
}

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
    // A reset after the answer also counts as the end.
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
    let client = tokio::spawn(exchange(running.address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    entering.recv().await.unwrap();
    running.shutdown.cancel();
    // The listener is closed as soon as the shutdown is noticed, while the request is still open.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    leave.cancel();
    let answer = client.await.unwrap();
    assert!(answer.contains("connection: close") && answer.ends_with("finished"), "{answer}");
    running.served.await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_after_the_drain_time() {
    let (entered, mut entering) = tokio::sync::mpsc::channel(1);
    let handler = move || async move {
        entered.send(()).await.unwrap();
        std::future::pending::<()>().await;
    };
    let running = start(short(), Router::new().route("/", get(handler)));
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
    let running = start(short(), Router::new());
    assert_eq!(exchange(running.address, "GET / HTTP/1.1\r\nHost:").await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_an_error_of_the_handlers_extractor() {
    let running = start(short(), Router::new().route("/", post(|body: String| async { body })));
    let answer = exchange(running.address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("not complete"), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = start(short(), Router::new());
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(8192));
    assert!(exchange(running.address, &request).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_loses_its_connection() {
    let large = || async { "x".repeat(32 * 1024 * 1024) };
    let running = start(short(), Router::new().route("/", get(large)));
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(GET_CLOSE.as_bytes()).await.unwrap();
    // With stalled requests cut off, a drain ends early.
    running.shutdown.cancel();
    running.served.await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.len() < 32 * 1024 * 1024);
}

/// Whether the server has closed it without an answer.
async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn the_longest_silent_connection_makes_room_for_another() {
    let router = Router::new().route("/", get(|| async { "served" }));
    let running = start(Limits { connections: 2, ..patient() }, router);
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut second = TcpStream::connect(running.address).await.unwrap();
    let answer = exchange(running.address, GET_CLOSE).await;
    assert!(answer.ends_with("served"), "{answer}");
    assert!(is_closed(&mut first).await);
    second.write_all(GET_CLOSE.as_bytes()).await.unwrap();
    let mut answer = String::new();
    second.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("served"), "{answer}");
}

#[tokio::test]
async fn no_request_is_lost_for_want_of_room() {
    let router = Router::new().route("/", get(|| async { "served" }));
    let running = start(Limits { connections: 2, ..Limits::default() }, router);
    let clients: Vec<_> = (0..100).map(|_| tokio::spawn(exchange(running.address, GET_CLOSE))).collect();
    for client in clients {
        let answer = client.await.unwrap();
        assert!(answer.ends_with("served"), "{answer}");
    }
}

#[tokio::test]
async fn silence_from_one_address_is_not_in_the_way_of_another() {
    let router = Router::new().route("/", post(|body: String| async { body }));
    let running = start(Limits { connections: 200, ..patient() }, router);
    let mut silent = Vec::new();
    for number in 0..220 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        // Nothing, a partial head, and a partial body.
        let sent = ["", "GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"][number % 3];
        stream.write_all(sent.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(running.address).await.unwrap();
    // It waits longer than all newcomers.
    for _ in 0..50 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    other.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nhi"), "{answer}");
}

#[tokio::test]
async fn heads_share_what_memory_there_is_and_the_longest_stalled_loses_to_a_newcomer() {
    let router = Router::new().route("/", get(|| async { "served" }));
    let limits = Limits { memory: Budget::new(512 * 1024), ..patient() };
    let running = start(limits, router);
    let field = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {}", "x".repeat(32 * 1024));
    let mut stalled = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(field.as_bytes()).await.unwrap();
        stalled.push(stream);
    }
    let answer = exchange(running.address, &format!("{field}\r\n\r\n")).await;
    assert!(answer.ends_with("served"), "{answer}");
    let mut lost = 0;
    for mut stream in stalled {
        if tokio::time::timeout(Duration::from_millis(20), is_closed(&mut stream)).await.is_ok() {
            lost += 1;
        }
    }
    // Each holds twice what it sent of the budget.
    assert!((32..40).contains(&lost), "{lost}");
}

#[tokio::test]
async fn all_that_has_arrived_is_answered_before_the_end() {
    for round in 0..20 {
        let running = start(patient(), Router::new().route("/", post(|body: String| async { body })));
        let mut clients = Vec::new();
        let whole = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwhole";
        for number in 0..200 {
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            // Some have already had a request answered; some sent two at once.
            if number % 4 == 1 {
                stream.write_all(whole.as_bytes()).await.unwrap();
                read_answers(&mut stream, 1).await;
            }
            clients.push(stream);
        }
        let mut sent = Vec::new();
        for (number, stream) in clients.iter_mut().enumerate() {
            // A partial head or body, whose rest comes later.
            let cut = [whole.len(), whole.len() - 2, 20][number % 3];
            let twice = number % 5 == 0 && cut == whole.len();
            let text = if twice { whole.repeat(2) } else { whole[..cut].to_owned() };
            stream.write_all(text.as_bytes()).await.unwrap();
            sent.push((cut, if twice { 2 } else { 1 }));
        }
        running.shutdown.cancel();
        for (number, (stream, (cut, requests))) in clients.iter_mut().zip(sent).enumerate() {
            // In the first rounds the server has begun to stop, in the others it has not noticed yet.
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            stream.write_all(&whole.as_bytes()[cut..]).await.unwrap();
            let answers = read_answers(stream, requests).await;
            assert_eq!(answers.matches("\r\n\r\nwhole").count(), requests, "{round} {number} {cut}: {answers}");
            assert!(is_closed(stream).await);
        }
        running.served.await.unwrap();
    }
}

/// Reads this many answers with the body `whole`.
async fn read_answers(stream: &mut TcpStream, count: usize) -> String {
    let mut answers = Vec::new();
    while String::from_utf8_lossy(&answers).matches("\r\n\r\nwhole").count() < count {
        if stream.read_buf(&mut answers).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8(answers).unwrap()
}

#[tokio::test]
async fn a_connection_that_is_not_yet_used_is_not_waited_for_long() {
    let running = start(Limits::default(), Router::new());
    let mut unused = TcpStream::connect(running.address).await.unwrap();
    running.shutdown.cancel();
    running.served.await.unwrap();
    assert!(is_closed(&mut unused).await);
}

#[tokio::test]
async fn what_has_stalled_is_not_waited_for_and_what_still_arrives_is() {
    let (entered, mut entering) = tokio::sync::mpsc::channel(1);
    let handler = move |body: axum::body::Body| async move {
        entered.send(()).await.unwrap();
        axum::body::to_bytes(body, 1024).await.unwrap()
    };
    // Nothing else would end the connections.
    let limits = Limits { drain: Duration::from_secs(3600), stalled: Duration::from_secs(2), ..patient() };
    let running = start(limits, Router::new().route("/", post(handler)));
    let mut begun = Vec::new();
    for text in ["POST / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        begun.push(stream);
    }
    entering.recv().await.unwrap();
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n").await.unwrap();
    entering.recv().await.unwrap();
    running.shutdown.cancel();
    // One byte at a time until the others are closed, and the rest after that.
    let closed = async {
        for stream in &mut begun {
            assert!(is_closed(stream).await);
        }
    };
    tokio::pin!(closed);
    let mut left = 600;
    while tokio::time::timeout(Duration::from_millis(100), closed.as_mut()).await.is_err() {
        slow.write_all(b"x").await.unwrap();
        left -= 1;
        assert!(left > 0, "the others are not closed");
    }
    slow.write_all(&vec![b'x'; left]).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("connection: close") && answer.ends_with(&"x".repeat(600)), "{answer}");
    running.served.await.unwrap();
}

/// Gives the connection to another protocol, which sends back what it receives.
async fn echo(request: axum::extract::Request) -> axum::http::Response<axum::body::Body> {
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(request).await.unwrap();
        let (mut read, mut write) = tokio::io::split(hyper_util::rt::TokioIo::new(upgraded));
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    let response = axum::http::Response::builder().status(101).header("connection", "upgrade");
    response.header("upgrade", "echo").body(axum::body::Body::empty()).unwrap()
}

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

/// Upgrades a connection.
async fn upgrade(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(UPGRADE).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", head.escape_ascii());
    stream
}

#[tokio::test]
async fn an_upgraded_connection_has_no_limits_of_http_and_gives_its_place_back() {
    let running = start(short(), Router::new().route("/", get(echo)));
    let mut stream = upgrade(running.address).await;
    // More than a head may have, and after more time than it may take.
    let sent = vec![b'x'; 64 * 1024];
    for _ in 0..2 {
        tokio::time::sleep(short().head * 2).await;
        stream.write_all(&sent).await.unwrap();
        let mut received = vec![0; sent.len()];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(received, sent);
    }
    // There is room for two; the third gets the place of the second.
    let mut second = upgrade(running.address).await;
    let waiting = tokio::spawn(upgrade(running.address));
    second.shutdown().await.unwrap();
    waiting.await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn an_upgraded_connection_ends_when_the_service_does() {
    let running = start(Limits { drain: Duration::from_secs(3600), ..patient() }, Router::new().route("/", get(echo)));
    let mut stream = upgrade(running.address).await;
    running.shutdown.cancel();
    running.served.await.unwrap();
    assert!(is_closed(&mut stream).await);
}
