//! `POST /api/gift-requests`: a viewer asks for a gift by the panel.

use axum::{Extension, Json, extract::State, http::StatusCode};
use mgm_api_types::{Gift, RequestGift};
use mgm_domain::{CharacterName, GiftId, Rejection, gift::Request};

use super::{check_streamer, show};
use crate::{
    http::{auth::Viewer, error::ApiError, extract::Body, layers::context::RequestContext},
    routes::{openapi::errors::errors, state::AppState, subscriber},
};

errors! { Errors: VIEWER, BODY; InvalidCharacterName, NotSubscriber, GiftAlreadyUsed, GiftRequestActive, HelixUnavailable }

/// Asks for a gift. A viewer may have one open request, including those made in chat, and one completed gift, ever. If
/// no other request is being served, this one is served at once.
#[utoipa::path(
    post, path = "/api/gift-requests", operation_id = "request_gift", tag = "viewer", security(("viewer" = [])),
    request_body = RequestGift,
    responses(
        (status = 201, description = "In the queue", body = Gift),
        Errors,
    ),
)]
pub(in crate::routes) async fn request(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(request): Extension<RequestContext>,
    Body(body): Body<RequestGift>,
) -> Result<(StatusCode, Json<Gift>), ApiError> {
    check_streamer(&state, &body.streamer_id)?;
    let character_name = CharacterName::parse(&body.character_name).map_err(|_| Rejection::InvalidCharacterName)?;
    subscriber::require(&state, &viewer.id, &request.correlation()).await?;
    let at = state.clock.now();
    let id = GiftId::from_uuid(state.random.uuid_at(at));
    let Viewer { id: viewer, display_name } = viewer;
    let request = Request { viewer, display_name, character_name, is_verified: true, at };
    let view = state.store.request_gift(id, &request, state.config.settings.gifts.limits()).await?;
    tracing::info!(gift = %id, viewer = %request.viewer, "gift requested");
    Ok((StatusCode::CREATED, show(&state, view)?))
}
