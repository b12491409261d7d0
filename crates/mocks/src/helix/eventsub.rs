//! EventSub subscriptions (<https://dev.twitch.tv/docs/api/reference/#get-eventsub-subscriptions>): created, listed and
//! deleted; each callback is actually verified.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use mgm_api_types::mocks::{RevokeSubscription, RevokedSubscription};
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::subscribe::subscribe;
use crate::call::{Answer, Call, MockTwitch, Parameters, bad_request};
use crate::error::{Refusal, read_json};
use crate::world::eventsub::Owner;
use crate::world::subscription::{ENABLED, PENDING};
use crate::world::{self, Subscription};

/// The default page size.
const PAGE: usize = 100;

/// The filters of the list, of which only one may be used at a time.
const FILTERS: [&str; 4] = ["status", "type", "user_id", "subscription_id"];

/// The fields around the list, and around a subscription that was created.
fn frame(state: &world::State, owner: Owner<'_>, shown: &[Value]) -> Map<String, Value> {
    let total = state.eventsub_of(owner).count();
    let (total_cost, max_total_cost) = state.total_cost(owner);
    let frame = json!({"total": total, "data": shown, "total_cost": total_cost, "max_total_cost": max_total_cost});
    match frame {
        Value::Object(frame) => frame,
        _ => Map::new(),
    }
}

/// <https://dev.twitch.tv/docs/api/reference/#get-eventsub-subscriptions>
pub(super) async fn list(State(helix): State<Arc<MockTwitch>>, call: Call) -> Answer {
    let list = |state: &mut world::State, caller: &Caller| {
        state.forget_disconnected();
        page(state, caller.owner()?, &call.parameters)
    };
    helix.as_owner(&call, list)
}

fn page(state: &world::State, owner: Owner<'_>, parameters: &Parameters) -> Result<Answer, Answer> {
    let filters: Vec<_> =
        FILTERS.into_iter().flat_map(|name| parameters.all(name).map(move |value| (name, value))).collect();
    if filters.len() > 1 {
        return Err(bad_request("only one filter can be given"));
    }
    let passes = |one: &&Subscription| match filters.first() {
        Some(("status", status)) => one.status == *status,
        Some(("type", kind)) => one.kind == *kind,
        Some(("subscription_id", id)) => one.id == *id,
        Some(("user_id", user)) => one.condition.values().any(|value| value == *user),
        Some(_) | None => true,
    };
    let passing = state.eventsub_of(owner).filter(passes).map(|one| (one.id.clone(), one)).collect();
    let (shown, pagination) = parameters.page(passing, PAGE, PAGE)?;
    let shown: Vec<_> = shown.into_iter().map(Subscription::show).collect();
    let mut frame = frame(state, owner, &shown);
    frame.insert("pagination".to_owned(), pagination);
    Ok(Answer::ok(frame.into()))
}

/// <https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription>
pub(super) async fn create(State(helix): State<Arc<MockTwitch>>, call: Call) -> Answer {
    let create = |state: &mut world::State, caller: &Caller| {
        let owner = caller.owner()?;
        let sockets = &helix.hub.sockets;
        let made = subscribe(state, caller, &call.body, |session| sockets.connected_at(session))?;
        let frame = frame(state, owner, &[made.show()]);
        if made.status == PENDING {
            let helix = Arc::clone(&helix);
            tokio::spawn(async move { helix.hub.verify(made).await });
        }
        Ok(Answer { status: StatusCode::ACCEPTED, body: frame.into() })
    };
    helix.as_owner(&call, create)
}

/// <https://dev.twitch.tv/docs/api/reference/#delete-eventsub-subscription>
pub(super) async fn delete(State(helix): State<Arc<MockTwitch>>, call: Call) -> Answer {
    let remove = |state: &mut world::State, caller: &Caller| {
        let id = call.parameters.one("id")?;
        let is_theirs = state.eventsub_of(caller.owner()?).any(|one| one.id == id);
        if !is_theirs {
            return Err(Answer::error(StatusCode::NOT_FOUND, "subscription not found"));
        }
        state.records.eventsub.retain(|one| one.id != id);
        Ok(Answer::done())
    };
    helix.as_owner(&call, remove)
}

/// `POST /eventsub/revoke`: ends a subscription and notifies its callback or WebSocket, as Twitch does.
pub(super) async fn revoke(
    State(helix): State<Arc<MockTwitch>>,
    body: Bytes,
) -> Result<Json<RevokedSubscription>, Refusal> {
    let RevokeSubscription { id, status } = read_json(&body)?;
    let revoked = {
        let mut state = helix.world.enter();
        let wanted = state.records.eventsub.iter_mut().rev().find(|one| match &id {
            Some(id) => one.id == *id,
            None => one.status == ENABLED,
        });
        let Some(subscription) = wanted else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such subscription"));
        };
        status.clone_into(&mut subscription.status);
        subscription.clone()
    };
    let id = revoked.id.clone();
    let callback_status = helix.hub.revoke(revoked).await;
    Ok(Json(RevokedSubscription { id, status, callback_status }))
}

impl MockTwitch {
    /// Calls on the subscriptions of a client or a user.
    fn as_owner(&self, call: &Call, act: impl FnOnce(&mut world::State, &Caller) -> Result<Answer, Answer>) -> Answer {
        let mut state = self.world.enter();
        let caller = Caller::of(&state, &call.headers);
        caller.and_then(|caller| act(&mut state, &caller)).unwrap_or_else(|refusal| refusal)
    }
}
