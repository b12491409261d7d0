//! `GET /api/payouts/my-last`, `GET /api/payouts/pending` and `GET /api/payouts?status=`.

use axum::{Json, extract::State, response::Response};
use mgm_api_types::{Payout, PayoutStatus};
use mgm_domain::{PayoutId, Rejection};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        auth::{Desktop, Viewer},
        error::ApiError,
        extract::Parameters,
    },
    routes::{
        openapi::errors::errors,
        page::{Page, nothing_to_follow},
        payouts::{payout, status},
        state::AppState,
    },
};

errors! { MyLastErrors: VIEWER; NotFound }

/// The viewer's newest payout.
#[utoipa::path(
    get, path = "/api/payouts/my-last", tag = "viewer", security(("viewer" = [])),
    responses(
        (status = 200, description = "The payout as it stands now", body = Payout),
        MyLastErrors,
    ),
)]
pub(in crate::routes) async fn my_last(
    viewer: Viewer,
    State(state): State<AppState>,
) -> Result<Json<Payout>, ApiError> {
    let newest = state.store.newest_payout(&viewer.id).await?.ok_or(Rejection::NotFound)?;
    Ok(Json(payout(newest)))
}

errors! { PendingErrors: DESKTOP; InvalidPayload }

/// The pending payouts, oldest first; at most 1000. If there are more, a `Link` header has the address of the next
/// page.
#[utoipa::path(
    get, path = "/api/payouts/pending", tag = "desktop", security(("desktop" = [])),
    params(Page),
    responses(
        (status = 200, description = "The payouts", body = [Payout]),
        PendingErrors,
    ),
)]
pub(in crate::routes) async fn pending(
    _: Desktop,
    State(state): State<AppState>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, ApiError> {
    part(&state, PayoutStatus::Pending, page).await
}

/// Selects payouts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::routes) struct ByStatus {
    /// Only those in this status; case does not matter.
    #[param(required = true, value_type = PayoutStatus)]
    status: Option<PayoutStatus>,
}

errors! { ByStatusErrors: DESKTOP; InvalidPayload }

/// The payouts in a status, oldest first; at most 1000. If there are more, a `Link` header has the address of the next
/// page.
#[utoipa::path(
    get, path = "/api/payouts", tag = "desktop", security(("desktop" = [])),
    params(ByStatus, Page),
    responses(
        (status = 200, description = "The payouts", body = [Payout]),
        ByStatusErrors,
    ),
)]
pub(in crate::routes) async fn by_status(
    _: Desktop,
    State(state): State<AppState>,
    Parameters(by): Parameters<ByStatus>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::InvalidPayload(format!("status {}", PayoutStatus::NAMES));
    part(&state, by.status.ok_or_else(missing)?, page).await
}

async fn part(state: &AppState, wanted: PayoutStatus, page: Page) -> Result<Response, ApiError> {
    let (wanted, part) = (status(wanted), page.part());
    let after = match part.after {
        Some(id) => {
            let known = state.store.payout(PayoutId::from_uuid(id)).await?;
            Some(known.ok_or_else(|| nothing_to_follow("payout"))?)
        }
        None => None,
    };
    let payouts = state.store.payouts_with_status(wanted, after.as_ref(), part.to_read()).await?;
    let payouts = payouts.into_iter().map(payout).collect();
    Ok(part.answer(&format!("/api/payouts?status={wanted}&"), payouts, |payout: &Payout| payout.id))
}
