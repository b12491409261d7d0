//! `/admin/clock`: the time of the world, which can be read, moved, set and stopped.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use mgm_twitch::eventsub::format_timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::call::MockTwitch;
use crate::error::{Refusal, read_json};
use crate::world;

/// The years in which the world can be: the lifetimes of tokens end in years that can be written, too.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9000;

/// What is to be done, in this order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The time to set.
    #[serde(default, with = "mgm_api_types::timestamp::option")]
    now: Option<OffsetDateTime>,
    /// By how much to advance it, in seconds.
    #[serde(default)]
    advance_seconds: Option<u32>,
    /// Whether it stands.
    #[serde(default)]
    frozen: Option<bool>,
}

fn shown(state: &world::State) -> Json<Value> {
    Json(json!({"now": format_timestamp(state.now), "frozen": state.is_frozen()}))
}

/// `GET /admin/clock`.
pub(super) async fn show(helix: State<Arc<MockTwitch>>) -> Json<Value> {
    shown(&helix.world.enter())
}

/// `POST /admin/clock`.
pub(super) async fn change(helix: State<Arc<MockTwitch>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Change { now, advance_seconds, frozen } = read_json(&body)?;
    if now.is_none() && advance_seconds.is_none() && frozen.is_none() {
        return Err(Refusal::invalid("now, advance_seconds or frozen is required"));
    }
    let shown = set(&mut helix.world.enter(), now, advance_seconds, frozen)?;
    helix.hub.time_moved();
    Ok(shown)
}

fn set(
    state: &mut world::State,
    now: Option<OffsetDateTime>,
    advance_seconds: Option<u32>,
    frozen: Option<bool>,
) -> Result<Json<Value>, Refusal> {
    let by = Duration::seconds(advance_seconds.unwrap_or_default().into());
    let to = now.unwrap_or(state.now).checked_add(by).filter(|to| YEARS.contains(&to.year()));
    let to = to.ok_or_else(|| Refusal::invalid("the time of the world is from 1970 to 9000"))?;
    state.set_time(to);
    if let Some(frozen) = frozen {
        state.freeze(frozen);
    }
    Ok(shown(state))
}
