//! Gift requests: viewers make them, and the desktop program serves one after the other.

pub(super) mod confirm;
pub(super) mod fail;
pub(super) mod list;
pub(super) mod queue;
pub(super) mod request;
pub(super) mod select_item;

use axum::Json;
use mgm_api_types::{Gift, GiftItem, GiftState};
use mgm_domain::{
    GiftStatus, Rejection,
    gift::{FailureReason, Item, queue::estimated_wait},
};
use mgm_store::GiftView;

use crate::{http::error::ApiError, routes::state::AppState};

/// Refuses a streamer other than the configured broadcaster.
fn check_streamer(state: &AppState, streamer: &str) -> Result<(), ApiError> {
    if streamer == state.config.broadcaster.as_str() { Ok(()) } else { Err(ApiError::WrongChannel) }
}

/// A gift request as an answer.
fn show(state: &AppState, view: GiftView) -> Result<Json<Gift>, ApiError> {
    Ok(Json(shown(state, view).ok_or(Rejection::NotFound)?))
}

/// A list of gift requests as an answer.
fn list(state: &AppState, views: Vec<GiftView>) -> Json<Vec<Gift>> {
    Json(views.into_iter().filter_map(|view| shown(state, view)).collect())
}

/// A gift request as clients see it; `None` for an unverified one.
fn shown(state: &AppState, GiftView { id, gift, position }: GiftView) -> Option<Gift> {
    let status = match gift.state.status() {
        GiftStatus::Unverified => return None,
        GiftStatus::Pending => GiftState::Pending,
        GiftStatus::SelectingItem => GiftState::SelectingItem,
        GiftStatus::WaitingConfirmation => GiftState::WaitingConfirmation,
        GiftStatus::Completed => GiftState::Completed,
        GiftStatus::Failed => GiftState::Failed,
    };
    Some(Gift {
        id: id.as_uuid(),
        streamer_id: state.config.broadcaster.to_string(),
        viewer_id: gift.viewer.to_string(),
        viewer_display_name: gift.display_name,
        in_game_name: gift.character_name.in_game().to_string(),
        character_name: gift.character_name.to_string(),
        state: status,
        selected_item: gift.state.item().map(|item| wire_item(item.as_item().clone())),
        queue_position: position,
        estimated_wait_seconds: estimated_wait(position).as_secs(),
        created_at: gift.created_at,
        updated_at: gift.updated_at,
        timeout_at: gift.state.timeout_at(),
        failure_reason: gift.state.failure_reason().map(FailureReason::as_str).map(str::to_owned),
    })
}

fn wire_item(Item { name, id, count, link, texture, bag_id, slot_id }: Item) -> GiftItem {
    GiftItem { name, id, count, link, texture, bag_id, slot_id }
}

fn item_of_wire(GiftItem { name, id, count, link, texture, bag_id, slot_id }: GiftItem) -> Item {
    Item { name, id, count, link, texture, bag_id, slot_id }
}
