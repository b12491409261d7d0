//! `GET /api/payouts/my-last`, `GET /api/payouts/pending` and `GET /api/payouts?status=`.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use mgm_api_types::{Payout, PayoutStatus};
use mgm_domain::{PayoutId, Rejection};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    auth::{Desktop, Viewer},
    error::ApiError,
    extract::Parameters,
    routes::{openapi::errors::errors, payout, status},
    state::AppState,
};

/// The most payouts in one answer.
const MAX_PAGE: u32 = 1000;

errors! { MyLastErrors: VIEWER; NotFound }

/// The viewer's newest payout.
#[utoipa::path(
    get, path = "/api/payouts/my-last", tag = "viewer", security(("viewer" = [])),
    responses(
        (status = 200, description = "The payout as it stands now", body = Payout),
        MyLastErrors,
    ),
)]
pub(super) async fn my_last(viewer: Viewer, State(state): State<AppState>) -> Result<Json<Payout>, ApiError> {
    let newest = state.store.newest_payout(&viewer.id).await?.ok_or(Rejection::NotFound)?;
    Ok(Json(payout(newest)))
}

errors! { PendingErrors: DESKTOP }

/// The pending payouts, oldest first; at most 1000 of them.
#[utoipa::path(
    get, path = "/api/payouts/pending", tag = "desktop", security(("desktop" = [])),
    responses(
        (status = 200, description = "The payouts", body = [Payout]),
        PendingErrors,
    ),
)]
pub(super) async fn pending(_: Desktop, State(state): State<AppState>) -> Result<Response, ApiError> {
    page(&state, ByStatus { status: PayoutStatus::Pending, after: None, limit: None }).await
}

/// Which payouts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByStatus {
    /// In this status; case does not matter.
    status: PayoutStatus,
    /// Those that follow this one, which need not be in that status any more.
    after: Option<Uuid>,
    /// How many at the most; 1000 when it is not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

errors! { ByStatusErrors: DESKTOP; InvalidPayload }

/// The payouts in a status, oldest first; at most 1000 of them. Where there are more, a `Link` says where the next are.
#[utoipa::path(
    get, path = "/api/payouts", tag = "desktop", security(("desktop" = [])),
    params(ByStatus),
    responses(
        (status = 200, description = "The payouts", body = [Payout]),
        ByStatusErrors,
    ),
)]
pub(super) async fn by_status(
    _: Desktop,
    State(state): State<AppState>,
    Parameters(by): Parameters<ByStatus>,
) -> Result<Response, ApiError> {
    page(&state, by).await
}

async fn page(state: &AppState, by: ByStatus) -> Result<Response, ApiError> {
    let limit = by.limit.unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(ApiError::InvalidPayload(format!("limit must be from 1 to {MAX_PAGE}")));
    }
    let after = match by.after {
        Some(id) => Some(state.store.payout(PayoutId::from_uuid(id)).await?.ok_or_else(no_such_payout)?),
        None => None,
    };
    // One more than is shown tells whether there are more.
    let mut payouts = state.store.payouts_with_status(status(by.status), after.as_ref(), limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = payouts.len() > shown;
    payouts.truncate(shown);
    let next = payouts.last().filter(|_| has_more).map(|last| {
        let (status, last) = (last.status.as_str(), last.id);
        [(header::LINK, format!("</api/payouts?status={status}&after={last}&limit={limit}>; rel=\"next\""))]
    });
    let payouts = Json(payouts.into_iter().map(payout).collect::<Vec<_>>());
    Ok(match next {
        Some(next) => (next, payouts).into_response(),
        None => payouts.into_response(),
    })
}

fn no_such_payout() -> ApiError {
    ApiError::InvalidPayload("after names no payout".to_owned())
}
