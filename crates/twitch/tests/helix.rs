//! The Helix client against a real server on loopback that answers correctly, badly or not at all.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use mgm_twitch::helix::{CallError, Correlation, Credentials, Helix, HelixBaseUrl, SendOutcome};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const TOKEN: &str = "very-secret-token";

/// What the server does with a connection after reading a request.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Sends these bytes, whatever they are, and closes.
    Answer(&'static str),
    /// Resets the connection.
    Reset,
    /// Never answers.
    Hang,
    /// Closes the connection without reading anything.
    CloseAtOnce,
}

struct Server {
    address: SocketAddr,
    requests: UnboundedReceiver<String>,
}

impl Server {
    async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, behaviour, sender.clone()));
            }
        });
        Self { address, requests }
    }

    fn client(&self) -> Helix {
        client(&format!("http://{}", self.address), Duration::from_secs(20))
    }

    /// Every request received so far.
    fn requests(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }
}

/// The request is recorded before it is answered, so that the client cannot be ahead of the record.
async fn serve(mut stream: TcpStream, behaviour: Behaviour, requests: UnboundedSender<String>) {
    if let Behaviour::CloseAtOnce = behaviour {
        return;
    }
    requests.send(read_request(&mut stream).await).unwrap();
    match behaviour {
        Behaviour::Answer(answer) => {
            // The client may have hung up before the end.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Behaviour::Reset => stream.set_zero_linger().unwrap(),
        Behaviour::Hang => std::future::pending().await,
        Behaviour::CloseAtOnce => {}
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request ends early: {text}");
        request.extend_from_slice(&buffer[..read]);
    }
}

fn client(base_url: &str, timeout: Duration) -> Helix {
    Helix::new(HelixBaseUrl::parse(base_url).unwrap(), timeout).unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("client-1", &SecretString::from(TOKEN)).unwrap()
}

async fn send(client: &Helix) -> SendOutcome {
    client.send_chat_message("b-1", "s-1", "Награда!", &credentials(), &Correlation::default()).await
}

/// The outcome of one message, and how many requests the server received for it.
async fn outcome_of(behaviour: Behaviour) -> (SendOutcome, usize) {
    let mut server = Server::start(behaviour).await;
    let outcome = send(&server.client()).await;
    let seen = server.requests().len();
    (outcome, seen)
}

/// A complete answer.
fn answer(status_line: &str, body: &str) -> Behaviour {
    let answer = format!("HTTP/1.1 {status_line}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    Behaviour::Answer(answer.leak())
}

#[tokio::test]
async fn the_request_is_the_documented_one() {
    let mut server = Server::start(answer("200 OK", r#"{"data":[{"message_id":"id-1","is_sent":true}]}"#)).await;
    let correlation = Correlation {
        traceparent: Some(HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
        tracestate: Some(HeaderValue::from_static("vendor=1")),
        request_id: Some(HeaderValue::from_static("request-1")),
    };
    let outcome = server.client().send_chat_message("b-1", "s-1", "Награда!", &credentials(), &correlation).await;
    assert_eq!(outcome, SendOutcome::Sent { message_id: "id-1".to_owned() });

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /helix/chat/messages HTTP/1.1"));
    let headers: Vec<String> = lines.map(str::to_ascii_lowercase).collect();
    for expected in [
        "authorization: bearer very-secret-token",
        "client-id: client-1",
        "content-type: application/json",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate: vendor=1",
        "x-request-id: request-1",
    ] {
        assert!(headers.iter().any(|header| header == expected), "{expected} in {headers:?}");
    }
    assert_eq!(body, r#"{"broadcaster_id":"b-1","sender_id":"s-1","message":"Награда!"}"#);
}

#[tokio::test]
async fn a_complete_answer_is_told_by_its_status() {
    let refused = |status, message: Option<&str>| SendOutcome::Refused { status, message: message.map(str::to_owned) };
    let unauthorized = r#"{"error":"Unauthorized","status":401,"message":"Invalid OAuth token"}"#;
    let held = r#"{"data":[{"message_id":"","is_sent":false,"drop_reason":{"code":"held","message":"By AutoMod"}}]}"#;
    let cases = [
        (answer("401 Unauthorized", unauthorized), refused(401, Some("Invalid OAuth token"))),
        (answer("403 Forbidden", ""), refused(403, None)),
        (answer("500 Oh", "Oh, no"), refused(500, None)),
        (answer("502 Oh", ""), refused(502, None)),
        (
            Behaviour::Answer("HTTP/1.1 503 Oh\r\ntransfer-encoding: chunked\r\n\r\n2\r\nOh\r\n0\r\n\r\n"),
            refused(503, None),
        ),
        (answer("429 Slow", ""), SendOutcome::RateLimited { reset: None }),
        (Behaviour::Answer("HTTP/1.1 204 No Content\r\n\r\n"), SendOutcome::Accepted { status: 204 }),
        (answer("202 Accepted", "<xml>"), SendOutcome::Accepted { status: 202 }),
        (Behaviour::Answer("HTTP/1.0 200 OK\r\n\r\nends with the connection"), SendOutcome::Accepted { status: 200 }),
        (
            answer("200 OK", held),
            SendOutcome::Dropped { code: Some("held".to_owned()), message: Some("By AutoMod".to_owned()) },
        ),
    ];
    for (behaviour, expected) in cases {
        assert_eq!(outcome_of(behaviour).await, (expected, 1));
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_it_ends() {
    let answer = "HTTP/1.1 429 Slow\r\nRatelimit-Reset: 1775390400\r\ncontent-length: 0\r\n\r\n";
    let (outcome, _) = outcome_of(Behaviour::Answer(answer)).await;
    let SendOutcome::RateLimited { reset: Some(reset) } = outcome else { panic!("{outcome:?}") };
    assert_eq!(reset.unix_timestamp(), 1_775_390_400);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut elsewhere = Server::start(Behaviour::Hang).await;
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/helix/chat/messages\r\ncontent-length: 0\r\n\r\n",
        elsewhere.address
    );
    let (outcome, seen) = outcome_of(Behaviour::Answer(answer.leak())).await;
    assert_eq!((outcome, seen), (SendOutcome::Refused { status: 307, message: None }, 1));
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_call_that_broke_off_is_interrupted_and_never_repeated() {
    let truncated = [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":",
        "HTTP/1.1 500 Oh\r\ncontent-length: 100\r\n\r\nOh",
        "HTTP/1.1 429 Slow\r\ncontent-length: 100\r\n\r\nOh",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        "this is not HTTP\r\n\r\n",
    ];
    for answer in truncated {
        let (outcome, seen) = outcome_of(Behaviour::Answer(answer)).await;
        assert!(matches!(outcome, SendOutcome::Interrupted { .. }), "{answer:?}: {outcome:?}");
        assert_eq!(seen, 1, "{answer:?}");
    }
    let (outcome, seen) = outcome_of(Behaviour::Reset).await;
    assert!(matches!(outcome, SendOutcome::Interrupted { .. }), "{outcome:?}");
    assert_eq!(seen, 1);
    let (outcome, _) = outcome_of(Behaviour::CloseAtOnce).await;
    assert!(matches!(outcome, SendOutcome::Interrupted { .. }), "{outcome:?}");
}

#[tokio::test]
async fn an_overlong_answer_is_interrupted() {
    let (outcome, seen) = outcome_of(answer("200 OK", &" ".repeat(400_000))).await;
    assert!(matches!(outcome, SendOutcome::Interrupted { .. }), "{outcome:?}");
    assert_eq!(seen, 1);
}

#[tokio::test]
async fn a_server_that_hangs_is_interrupted_by_the_time_out() {
    let mut server = Server::start(Behaviour::Hang).await;
    let outcome = send(&client(&format!("http://{}", server.address), Duration::from_secs(2))).await;
    assert!(matches!(outcome, SendOutcome::Interrupted { .. }), "{outcome:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_unreachable_server_was_never_connected_to() {
    // Bound but not listening: nobody else can listen there either.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let outcome = send(&client(&format!("http://{address}"), Duration::from_secs(20))).await;
    assert!(matches!(outcome, SendOutcome::NotConnected { .. }), "{outcome:?}");

    let outcome = send(&client("http://no-such-host.invalid", Duration::from_secs(20))).await;
    assert!(matches!(outcome, SendOutcome::NotConnected { .. }), "{outcome:?}");
}

/// A listener whose queue is full accepts no further connections: the attempt hangs, as behind a firewall.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_times_out_was_never_made() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queued.push(stream);
    }
    let outcome = send(&client(&format!("http://{address}"), Duration::from_secs(1))).await;
    assert!(matches!(outcome, SendOutcome::NotConnected { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_failed_tls_handshake_was_never_a_connection() {
    let mut server = Server::start(Behaviour::CloseAtOnce).await;
    let base_url = HelixBaseUrl::parse(&format!("https://{}", server.address)).unwrap();
    // Without certificates, building the client fails.
    let Ok(client) = Helix::new(base_url, Duration::from_secs(20)) else { return };
    let outcome = send(&client).await;
    assert!(matches!(outcome, SendOutcome::NotConnected { .. }), "{outcome:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn no_outcome_and_no_debug_output_shows_the_token() {
    let server = Server::start(Behaviour::Reset).await;
    let client = server.client();
    let shown = format!("{:?} {:?} {:?}", send(&client).await, client, credentials());
    assert!(!shown.contains(TOKEN), "{shown}");
}

async fn subscribed(behaviour: Behaviour) -> Result<bool, CallError> {
    let server = Server::start(behaviour).await;
    server.client().is_subscribed("b 1", "u&1", &credentials(), &Correlation::default()).await
}

#[tokio::test]
async fn a_subscription_is_asked_for_as_documented() {
    let mut server = Server::start(answer("200 OK", r#"{"data":[],"pagination":{},"total":13,"points":13}"#)).await;
    let verdict = server.client().is_subscribed("b 1", "u&1", &credentials(), &Correlation::default()).await;
    assert_eq!(verdict, Ok(false));
    let requests = server.requests();
    assert!(
        requests[0].starts_with("GET /helix/subscriptions?broadcaster_id=b+1&user_id=u%261 HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    let head = requests[0].to_ascii_lowercase();
    assert!(head.contains("authorization: bearer very-secret-token") && head.contains("client-id: client-1"), "{head}");
}

#[tokio::test]
async fn only_a_row_is_a_yes_and_only_an_empty_list_is_a_no() {
    let row = r#"{"data":[{"broadcaster_id":"b 1","is_gift":false,"tier":"1000","user_id":"u&1"}],"pagination":{}}"#;
    for yes in [row, r#"{"data":[{"tier":"1000"}]}"#, r#"{"data":[{"user_id":"other"},{"user_id":"u&1"}]}"#] {
        assert_eq!(subscribed(answer("200 OK", yes)).await, Ok(true), "{yes}");
    }
    assert_eq!(subscribed(answer("200 OK", r#"{"data":[]}"#)).await, Ok(false));
    for odd in [
        "",
        "{}",
        "[]",
        r#"{"data":null}"#,
        r#"{"data":{}}"#,
        r#"{"data":[null]}"#,
        r#"{"data":[7]}"#,
        r#"{"data":[{"user_id":"other"}]}"#,
        r#"{"data":[{"user_id":null}]}"#,
    ] {
        assert_eq!(subscribed(answer("200 OK", odd)).await, Err(CallError::OddAnswer), "{odd}");
    }
    let limited = CallError::RateLimited { reset: None };
    assert_eq!(subscribed(answer("429 Slow", "")).await, Err(limited));
    for status in [202, 302, 400, 401, 403, 404, 410, 500, 503] {
        let expected = CallError::Refused { status, message: None };
        assert_eq!(subscribed(answer(&format!("{status} No"), "")).await, Err(expected));
    }
    assert!(matches!(subscribed(Behaviour::Reset).await, Err(CallError::Unreachable(_))));
}
