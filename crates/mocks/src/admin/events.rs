//! What happens on Twitch at a test's command, and how it was delivered.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use mgm_api_types::mocks::Deliveries;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::MockTwitch;
use crate::delivery::{Question, Shown};
use crate::error::{Refusal, read_json};
use crate::events::{ChatLine, Happening, Unsaid};
use crate::websocket::CloseCode;

pub(super) fn routes() -> Router<Arc<MockTwitch>> {
    Router::new()
        .route("/admin/chat", post(chat))
        .route("/admin/events", post(events))
        .route("/admin/deliveries", get(deliveries))
        .route("/admin/websockets", get(websockets))
        .route("/admin/websockets/{id}/reconnect", post(reconnect))
        .route("/admin/websockets/{id}/close", post(close))
}

fn full() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "too many notifications wait to be delivered")
}

/// `POST /admin/chat`: a user says something.
async fn chat(State(helix): State<Arc<MockTwitch>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let line: ChatLine = read_json(&body)?;
    let (message_id, deliveries) = helix.hub.say(&line, true).map_err(|unsaid| match unsaid {
        Unsaid::NoUser => Refusal::invalid("there is no such user"),
        Unsaid::NoParent => Refusal::invalid("reply_to: there is no such message in this chat"),
        Unsaid::QueueFull => full(),
    })?;
    Ok(Json(json!({"message_id": message_id, "deliveries": deliveries})))
}

/// `POST /admin/events`: something else happens.
async fn events(State(helix): State<Arc<MockTwitch>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let happening: Happening = read_json(&body)?;
    let deliveries = helix.hub.happen(&happening).map_err(|_| full())?;
    Ok(Json(json!({"deliveries": deliveries})))
}

/// `GET /admin/deliveries`.
async fn deliveries(
    State(helix): State<Arc<MockTwitch>>,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Json<Deliveries<Shown>>, Refusal> {
    let Query(question) = question.map_err(|error| Refusal::invalid(error.body_text()))?;
    let (total, deliveries) = helix.hub.ledger.answer(&question).await;
    Ok(Json(Deliveries { total, deliveries, waiting: helix.hub.sender.waiting() }))
}

async fn websockets(State(helix): State<Arc<MockTwitch>>) -> Json<Vec<Value>> {
    Json(helix.hub.sockets.show())
}

fn no_session() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such session")
}

/// `POST /admin/websockets/{id}/reconnect`: the client is told to reconnect.
async fn reconnect(State(helix): State<Arc<MockTwitch>>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let url = helix.hub.sockets.reconnect(&id).ok_or_else(no_session)?;
    Ok(Json(json!({"reconnect_url": url})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    /// From 4000 to 4007.
    code: u16,
}

/// `POST /admin/websockets/{id}/close`.
async fn close(
    State(helix): State<Arc<MockTwitch>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let Close { code } = read_json(&body)?;
    let code = CloseCode::of(code).ok_or_else(|| Refusal::invalid("code is from 4000 to 4007"))?;
    if helix.hub.sockets.close(&id, code) { Ok(StatusCode::NO_CONTENT) } else { Err(no_session()) }
}
