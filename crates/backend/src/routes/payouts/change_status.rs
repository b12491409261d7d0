//! `PATCH /api/payouts/{id}/status`.

use axum::{Extension, Json, extract::State};
use mgm_api_types::{ChangePayoutStatus, Payout, PayoutStatus};
use mgm_domain::PayoutId;

use crate::{
    http::{
        auth::Desktop,
        error::ApiError,
        extract::{Body, Id},
        layers::context::RequestContext,
    },
    metrics,
    routes::{
        openapi::errors::errors,
        payouts::{payout, status},
        state::AppState,
    },
};

errors! { Errors: DESKTOP, BODY; NotFound, TerminalStatusChangeNotAllowed }

/// Changes a payout's status for the desktop program. `Sent` removes the winner from the pool and announces it in chat:
/// the answer waits briefly for that, and `isRewardSentAnnouncedToChat` says whether it is out. A failed announcement
/// undoes nothing.
#[utoipa::path(
    patch, path = "/api/payouts/{id}/status", tag = "desktop", security(("desktop" = [])),
    params(("id" = String, Path, format = Uuid, description = "The payout")),
    request_body = ChangePayoutStatus,
    responses(
        (status = 200, description = "The payout as it stands now", body = Payout),
        Errors,
    ),
)]
pub(in crate::routes) async fn change(
    _: Desktop,
    Id(id): Id,
    State(state): State<AppState>,
    Extension(request): Extension<RequestContext>,
    Body(body): Body<ChangePayoutStatus>,
) -> Result<Json<Payout>, ApiError> {
    let id = PayoutId::from_uuid(id);
    let to = status(body.status);
    let mut view = state.store.change_payout_status(id, to, state.clock.now()).await?;
    metrics::payouts_moved(to).increment(1);
    tracing::info!(payout = %id, status = ?body.status, "payout moved on");
    if body.status == PayoutStatus::Sent {
        view.announced = state.announcer.announce_now(id, request.correlation()).await;
    }
    Ok(Json(payout(view)))
}
