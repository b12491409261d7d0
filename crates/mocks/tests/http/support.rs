//! A running stand-in, a client for it, and a backend with prepared answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use mgm_service::bind::BindUrls;
use mgm_service::serve::{Limits, Listeners, serve};
use mgm_system::{Clock, ManualClock};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::net::TcpSocket;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

pub const NOW: OffsetDateTime = datetime!(2026-04-05 12:00:00.25 UTC);

/// A clock that shows [`NOW`].
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(NOW))
}

/// Something that listens until it is dropped.
pub struct Running {
    pub address: SocketAddr,
    client: Client,
    _stop: DropGuard,
}

pub fn start(router: Router) -> Running {
    let listeners = Listeners::bind(&BindUrls::loopback(0)).unwrap();
    let address = listeners.addresses()[0];
    let shutdown = CancellationToken::new();
    tokio::spawn(serve(listeners, router, Limits::default(), shutdown.clone()));
    let client = mgm_http_client::client(&url(address), std::time::Duration::from_secs(5)).unwrap();
    Running { address, client, _stop: shutdown.drop_guard() }
}

pub fn url(address: SocketAddr) -> Url {
    format!("http://{address}").parse().unwrap()
}

/// An address that refuses connections for as long as the socket is held: it is bound, and nobody listens.
pub fn nowhere() -> (TcpSocket, Url) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, url(address))
}

impl Running {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).body(body.to_string())
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }
}

/// Sends the request and reads a JSON answer.
pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// Asserts that the answer is an error of the common shape with this code.
pub fn assert_error((status, body): (StatusCode, Value), expected: StatusCode, code: &str) {
    assert_eq!((status, body["code"].as_str()), (expected, Some(code)), "{body}");
    assert!(body["message"].is_string() && body["details"].is_object(), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
}

/// A request that the backend received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A backend that gives prepared answers, in order, and remembers the requests.
#[derive(Clone, Default)]
pub struct Backend {
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Arc<Mutex<VecDeque<Reply>>>,
}

type Reply = (StatusCode, &'static str, Vec<u8>);

impl Backend {
    pub fn start(answers: impl IntoIterator<Item = Reply>) -> (Self, Running) {
        let backend = Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() };
        let running = start(Router::new().fallback(reply).with_state(backend.clone()));
        (backend, running)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn reply(State(backend): State<Backend>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let seen = Seen { method: head.method, path: head.uri.path().to_owned(), headers: head.headers, body };
    backend.seen.lock().unwrap().push(seen);
    let (status, content_type, body) = backend.answers.lock().unwrap().pop_front().expect("an answer for each request");
    (status, [(http::header::CONTENT_TYPE, content_type)], body).into_response()
}
