//! `GET /api/payouts/my-last`, `GET /api/payouts/pending` and `GET /api/payouts?status=`.

use axum::{Json, extract::State};
use mgm_api_types::{ErrorBody, Payout, PayoutStatus};
use mgm_domain::Rejection;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    auth::{Desktop, Viewer},
    error::ApiError,
    extract::Parameters,
    routes::{payout, status},
    state::AppState,
};

/// The viewer's newest payout.
#[utoipa::path(
    get, path = "/api/payouts/my-last", tag = "viewer", security(("viewer" = [])),
    responses(
        (status = 200, description = "The payout as it stands now", body = Payout),
        (status = 401, description = "`unauthorized`, `identity_not_shared`", body = ErrorBody),
        (status = 403, description = "`wrong_channel`", body = ErrorBody),
        (status = 404, description = "`not_found`", body = ErrorBody),
        (status = 429, description = "`rate_limited`", body = ErrorBody),
        (status = 503, description = "`unavailable`", body = ErrorBody),
    ),
)]
pub(super) async fn my_last(viewer: Viewer, State(state): State<AppState>) -> Result<Json<Payout>, ApiError> {
    let newest = state.store.newest_payout(&viewer.id).await?.ok_or(Rejection::NotFound)?;
    Ok(Json(payout(newest)))
}

/// The pending payouts, oldest first.
#[utoipa::path(
    get, path = "/api/payouts/pending", tag = "desktop", security(("desktop" = [])),
    responses(
        (status = 200, description = "The payouts", body = [Payout]),
        (status = 401, description = "`unauthorized`, `forbidden_apikey`", body = ErrorBody),
        (status = 503, description = "`unavailable`", body = ErrorBody),
    ),
)]
pub(super) async fn pending(_: Desktop, State(state): State<AppState>) -> Result<Json<Vec<Payout>>, ApiError> {
    in_status(&state, PayoutStatus::Pending).await
}

/// Which payouts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByStatus {
    /// In this status; case does not matter.
    status: PayoutStatus,
}

/// The payouts in a status, oldest first.
#[utoipa::path(
    get, path = "/api/payouts", tag = "desktop", security(("desktop" = [])),
    params(ByStatus),
    responses(
        (status = 200, description = "The payouts", body = [Payout]),
        (status = 400, description = "`invalid_payload`", body = ErrorBody),
        (status = 401, description = "`unauthorized`, `forbidden_apikey`", body = ErrorBody),
        (status = 503, description = "`unavailable`", body = ErrorBody),
    ),
)]
pub(super) async fn by_status(
    _: Desktop,
    State(state): State<AppState>,
    Parameters(ByStatus { status }): Parameters<ByStatus>,
) -> Result<Json<Vec<Payout>>, ApiError> {
    in_status(&state, status).await
}

async fn in_status(state: &AppState, wire: PayoutStatus) -> Result<Json<Vec<Payout>>, ApiError> {
    let payouts = state.store.payouts_with_status(status(wire)).await?;
    Ok(Json(payouts.into_iter().map(payout).collect()))
}
