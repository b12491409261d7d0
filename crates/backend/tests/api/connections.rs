//! What clients can take of the process `mgm-backend`: connections, descriptors, memory. And what its shutdown leaves
//! unanswered.

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use mgm_store::MIGRATOR;
use mgm_test_support::until;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    helix::HelixStandIn,
    program::{Running, notification},
};

/// Shorter than the 30 s after which an idle connection is closed: waiting for that fails.
const PROMPT: Duration = Duration::from_secs(20);
const QUIET: [(&str, &str); 1] = [("RUST_LOG", "info")];

fn address(backend: &Running) -> SocketAddr {
    backend.url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// A signed notification, as bytes of HTTP.
fn wire(text: &str) -> Vec<u8> {
    let (headers, body) = notification("ann", text);
    let mut request = format!("POST /api/twitch/eventsub HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in &headers {
        write!(request, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
    }
    request.push_str("\r\n");
    [request.into_bytes(), body].concat()
}

/// The answer to one notification from an address that no other client has.
async fn from_elsewhere(backend: &Running, text: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut stream = timeout(PROMPT, socket.connect(address(backend))).await.unwrap().unwrap();
    stream.write_all(&wire(text)).await.unwrap();
    let mut answer = [0; 12];
    timeout(PROMPT, stream.read_exact(&mut answer)).await.expect("silence of others is in the way").unwrap();
    String::from_utf8(answer.to_vec()).unwrap()
}

async fn connections(backend: &Running, count: usize) -> Vec<TcpStream> {
    mgm_service::descriptors::raise().unwrap();
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        open.push(TcpStream::connect(address(backend)).await.unwrap());
    }
    open
}

#[tokio::test]
async fn sigterm_leaves_no_request_unanswered_that_was_sent_before() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    for round in 0..5 {
        let backend = Running::start_with(&database, &helix, &QUIET).await;
        let (request, mut clients) = (wire("hello"), vec![]);
        for number in 0..200 {
            let mut stream = TcpStream::connect(address(&backend)).await.unwrap();
            // Some send their end later, but not so late that they count as stalled.
            let sent = if number % 4 == 3 { request.len() - 100 } else { request.len() };
            stream.write_all(&request[..sent]).await.unwrap();
            clients.push((stream, sent));
        }
        backend.terminate();
        for (stream, sent) in &mut clients {
            stream.write_all(&request[*sent..]).await.unwrap();
        }
        for (number, (mut stream, _)) in clients.into_iter().enumerate() {
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{round} {number}: {answer}");
        }
        let (status, log) = backend.end().await;
        assert_eq!(status, 0, "{log:#?}");
    }
}

#[tokio::test]
async fn silent_connections_from_one_address_are_not_in_the_way_of_another() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start_with(&database, &helix, &QUIET).await;
    let silent = connections(&backend, 2_100).await;
    assert_eq!(from_elsewhere(&backend, "hello").await, "HTTP/1.1 200");
    backend.terminate();
    let (status, log) = backend.end().await;
    assert_eq!(status, 0, "{log:#?}");
    let said = log.iter().filter(|line| line.contains("the longest silent are closed")).count();
    assert!((1..5).contains(&said), "{log:#?}");
    drop(silent);
}

#[tokio::test]
async fn silent_connections_leave_descriptors_for_the_database_and_for_helix() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start_with_descriptors(&database, &helix, 1_024).await;
    let silent = connections(&backend, 1_030).await;
    let payout = backend.in_progress("ann", "Annhero").await;
    assert_eq!(backend.change(&payout, "Sent").await.status(), 200);
    until("the payout is announced", async || !helix.messages().await.is_empty()).await;
    let attempts: i32 =
        sqlx::query_scalar("SELECT attempts FROM announcements").fetch_one(database.pool()).await.unwrap();
    assert_eq!(attempts, 1);
    assert_eq!(from_elsewhere(&backend, "hello").await, "HTTP/1.1 200");
    backend.terminate();
    let (status, log) = backend.end().await;
    assert_eq!(status, 0, "{log:#?}");
    let errors: Vec<_> = log.iter().filter(|line| line.contains("\"ERROR\"")).collect();
    assert_eq!(errors, [""; 0]);
    drop(silent);
}

/// The peak resident memory of a process, in MiB.
fn peak_mib(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Waits until the process has read everything, that is, until it uses no more processor time.
async fn settle(backend: &Running) {
    let used = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", backend.pid())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().map(str::to_owned).collect();
        // `utime` and `stime` of proc_pid_stat(5), in hundredths of a second.
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let (mut last, mut quiet) = (used(), 0);
    until("what was sent is read", async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = std::mem::replace(&mut last, used());
        quiet = if last - before <= 5 { quiet + 1 } else { 0 };
        quiet == 4
    })
    .await;
}

#[tokio::test]
async fn half_sent_requests_have_bounded_memory_together_and_a_whole_one_wins_over_them() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start_with(&database, &helix, &QUIET).await;
    let (field, body) = (format!("x: {}\r\n", "x".repeat(63_000)), "[".repeat(60_000));
    let start = |path: &str| format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
    let (eventsub, claim) = (start("/api/twitch/eventsub"), start("/api/payouts/claim"));
    let kinds = [
        format!("{eventsub}{field}"),
        format!("{eventsub}content-length: 1000000\r\n\r\n{body}"),
        format!("{eventsub}{field}content-length: 1000000\r\n\r\n{body}"),
        format!("{claim}content-length: 60001\r\n\r\n{body}"),
        format!("{eventsub}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len()),
        // Below what each connection may use without asking.
        format!("{eventsub}content-length: 4001\r\n\r\n{}", &body[..4_000]),
        format!("{eventsub}x: {}", &body[..4_000]),
    ];
    let mut stalled = connections(&backend, 1_500).await;
    for (number, stream) in stalled.iter_mut().enumerate() {
        // Connections that lose their place meanwhile are closed.
        let _ = stream.write_all(kinds[number % kinds.len()].as_bytes()).await;
    }
    settle(&backend).await;
    // A message with many emotes.
    let emotes = "Kappa ".repeat(1_800);
    assert_eq!(from_elsewhere(&backend, &emotes).await, "HTTP/1.1 200");
    assert_eq!(backend.chat("bob", &emotes).await.status(), 200);
    let peak = peak_mib(backend.pid());
    // Without optimisation each connection needs more memory.
    let bound = if cfg!(debug_assertions) { 96 } else { 64 };
    assert!(peak < bound, "{peak} MiB");
    backend.terminate();
    assert_eq!(backend.end().await.0, 0);
    drop(stalled);
}
