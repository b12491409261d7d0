//! The admin API, by which tests read and change the world and move its time.
//!
//! Each kind of record has its routes: `GET /admin/users` lists them; `GET`, `PUT`, `PATCH` and
//! `DELETE /admin/users/{id}` show, replace, change and remove one. A record with two ids has both in the path:
//! `/admin/bans/{broadcaster_id}/{user_id}`.

mod clock;
mod events;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{MethodRouter, get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::call::MockTwitch;
use crate::error::{Refusal, read_json};
use crate::world::{
    self, Ban, Callbacks, Channel, ChannelSubscription, ChatSettings, Chatter, Client, DeliveryRules, Extension,
    Fixture, Grant, Limits, Moderator, Record as _, Stored, User,
};

pub(crate) fn routes() -> Router<Arc<MockTwitch>> {
    Router::new()
        .route("/admin/world", get(show))
        .route("/admin/clock", get(clock::show).post(clock::change))
        .route("/admin/limits", put(limits))
        .route("/admin/delivery", put(delivery))
        .route("/admin/callbacks", put(callbacks))
        .route("/admin/eventsub", get(eventsub))
        .route("/admin/devices/{user_code}", post(approve_device))
        .merge(events::routes())
        .merge(of::<Client>())
        .merge(of::<User>())
        .merge(of::<Grant>())
        .merge(of::<ChannelSubscription>())
        .merge(of::<Moderator>())
        .merge(of::<Ban>())
        .merge(of::<Chatter>())
        .merge(of::<Channel>())
        .merge(of::<ChatSettings>())
        .merge(of::<Extension>())
}

/// The routes of a kind of record.
fn of<R: Stored>() -> Router<Arc<MockTwitch>> {
    let all = format!("/admin/{}", R::NAME);
    let single = R::KEY.iter().fold(all.clone(), |path, name| format!("{path}/{{{name}}}"));
    let one: MethodRouter<Arc<MockTwitch>> =
        get(show_one::<R>).put(put_one::<R>).patch(patch_one::<R>).delete(delete_one::<R>);
    Router::new().route(&all, get(list::<R>)).route(&single, one)
}

/// The ids in the path, in the order of the key.
type Ids = Path<Vec<(String, String)>>;

fn values(ids: &[(String, String)]) -> Vec<&str> {
    ids.iter().map(|(_, value)| value.as_str()).collect()
}

fn missing<R: Stored>(ids: &[(String, String)]) -> Refusal {
    let message = format!("{} has no {}", R::NAME, values(ids).join(", "));
    Refusal::new(StatusCode::NOT_FOUND, "not_found", message)
}

/// `GET /admin/world`: the world as a fixture.
async fn show(State(helix): State<Arc<MockTwitch>>) -> Json<Fixture> {
    Json(helix.world.enter().records.clone())
}

async fn list<R: Stored>(State(helix): State<Arc<MockTwitch>>) -> Json<Vec<R>> {
    Json(R::table(&mut helix.world.enter().records).iter().cloned().collect())
}

async fn show_one<R: Stored>(State(helix): State<Arc<MockTwitch>>, Path(ids): Ids) -> Result<Json<R>, Refusal> {
    let mut state = helix.world.enter();
    let found = R::table(&mut state.records).get(&values(&ids)).cloned();
    found.map(Json).ok_or_else(|| missing::<R>(&ids))
}

async fn put_one<R: Stored>(
    State(helix): State<Arc<MockTwitch>>,
    Path(ids): Ids,
    body: Bytes,
) -> Result<Json<R>, Refusal> {
    let fields: Map<String, Value> = if body.is_empty() { Map::new() } else { read_json(&body)? };
    change(&helix, |state| store(state, &ids, fields))
}

async fn patch_one<R: Stored>(
    State(helix): State<Arc<MockTwitch>>,
    Path(ids): Ids,
    body: Bytes,
) -> Result<Json<R>, Refusal> {
    let changes: Map<String, Value> = read_json(&body)?;
    change(&helix, |state| {
        let known = R::table(&mut state.records).get(&values(&ids)).ok_or_else(|| missing::<R>(&ids))?;
        let mut fields = match serde_json::to_value(known) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => Map::new(),
        };
        for (name, value) in changes {
            // A null field returns to its default.
            if value.is_null() {
                fields.remove(&name);
            } else {
                fields.insert(name, value);
            }
        }
        store(state, &ids, fields)
    })
}

/// Changes the world, and revokes the EventSub subscriptions that nobody may have any longer.
fn change<T>(helix: &Arc<MockTwitch>, act: impl FnOnce(&mut world::State) -> T) -> T {
    let mut state = helix.world.enter();
    let entitled = state.entitled();
    let result = act(&mut state);
    for revoked in state.end_unentitled(&entitled) {
        let helix = Arc::clone(helix);
        tokio::spawn(async move { helix.hub.revoke(revoked).await });
    }
    result
}

/// Stores a record, whose ids must be those of the path.
fn store<R: Stored>(
    state: &mut world::State,
    ids: &[(String, String)],
    mut fields: Map<String, Value>,
) -> Result<Json<R>, Refusal> {
    for (name, value) in ids {
        if fields.insert(name.clone(), value.as_str().into()).is_some_and(|given| given != value.as_str()) {
            return Err(Refusal::invalid(format!("{name}: it is another one in the address")));
        }
    }
    let record: R = read_json(Value::Object(fields).to_string().as_bytes())?;
    let mut changed = state.records.clone();
    R::table(&mut changed).put(record.clone());
    changed.check().map_err(Refusal::invalid)?;
    state.records = changed;
    state.know_granted_tokens();
    Ok(Json(record))
}

async fn delete_one<R: Stored>(State(helix): State<Arc<MockTwitch>>, Path(ids): Ids) -> Result<StatusCode, Refusal> {
    change(&helix, |state| {
        let key = values(&ids);
        let grant = Grant::table(&mut state.records).get(&key).filter(|_| R::NAME == Grant::NAME).cloned();
        R::table(&mut state.records).remove(&key).ok_or_else(|| missing::<R>(&ids))?;
        if let Some(grant) = grant {
            state.disconnect(&grant);
        }
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn limits(State(helix): State<Arc<MockTwitch>>, body: Bytes) -> Result<Json<Limits>, Refusal> {
    let limits: Limits = read_json(&body)?;
    helix.world.enter().records.limits = limits;
    Ok(Json(limits))
}

async fn delivery(State(helix): State<Arc<MockTwitch>>, body: Bytes) -> Result<Json<DeliveryRules>, Refusal> {
    let rules: DeliveryRules = read_json(&body)?;
    helix.world.enter().records.delivery.clone_from(&rules);
    Ok(Json(rules))
}

async fn callbacks(State(helix): State<Arc<MockTwitch>>, body: Bytes) -> Result<Json<Callbacks>, Refusal> {
    let callbacks: Callbacks = read_json(&body)?;
    helix.world.enter().records.callbacks.clone_from(&callbacks);
    Ok(Json(callbacks))
}

/// `GET /admin/eventsub`: the EventSub subscriptions of all clients, with their owners.
async fn eventsub(State(helix): State<Arc<MockTwitch>>) -> Json<Vec<Value>> {
    let state = helix.world.enter();
    let shown = state.records.eventsub.iter().map(|one| {
        let mut shown = one.show();
        shown["client_id"] = one.client_id.as_str().into();
        shown["failures"] = one.failures.into();
        shown
    });
    Json(shown.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    /// The user who approves.
    user_id: String,
}

async fn approve_device(
    State(helix): State<Arc<MockTwitch>>,
    Path(user_code): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let Approve { user_id } = read_json(&body)?;
    let mut state = helix.world.enter();
    if state.user(&user_id).is_none() {
        return Err(Refusal::invalid("there is no such user"));
    }
    if state.approve_device(&user_code, &user_id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such device"))
    }
}
