//! `GET /ws`: EventSub over a WebSocket.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};

use crate::call::{Answer, MockTwitch, Parameters, bad_request, text};
use crate::websocket::{Wanted, connect};

/// The default time without a message after which a keepalive message is sent, in seconds, and its bounds.
const KEEPALIVE: u32 = 10;
const LEAST: u32 = 10;
const MOST: u32 = 600;

pub(super) async fn get(
    State(helix): State<Arc<MockTwitch>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return bad_request("this is a WebSocket").into_response() };
    let parameters = Parameters::of(uri.query(), b"");
    let wanted = match (parameters.get("id"), parameters.get("challenge")) {
        (None, None) => Wanted::Session { address: address(&headers, &uri), keepalive_seconds: keepalive(&parameters) },
        (id, challenge) => Wanted::Reconnect { id: id.unwrap_or_default(), challenge: challenge.unwrap_or_default() },
    };
    connect(&helix.hub.sockets, wanted, upgrade)
        .unwrap_or_else(|| Answer::error(StatusCode::SERVICE_UNAVAILABLE, "too many WebSockets").into_response())
}

/// The requested time, or the nearest one that is allowed.
fn keepalive(parameters: &Parameters) -> u32 {
    let wanted: Option<i64> = parameters.get("keepalive_timeout_seconds").and_then(|text| text.parse().ok());
    let seconds = wanted.unwrap_or(KEEPALIVE.into()).clamp(LEAST.into(), MOST.into());
    u32::try_from(seconds).unwrap_or(KEEPALIVE)
}

/// The address that the client connected to. Twitch's own names are reached through TLS.
fn address(headers: &HeaderMap, uri: &Uri) -> String {
    let host = text(headers, "host");
    let scheme = if host.ends_with("twitch.tv") { "wss" } else { "ws" };
    format!("{scheme}://{host}{}", uri.path())
}
