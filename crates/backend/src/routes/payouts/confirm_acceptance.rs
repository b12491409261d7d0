//! `POST /api/payouts/{id}/confirm-acceptance`.

use axum::{Json, extract::State};
use mgm_api_types::{ConfirmAcceptance, Payout};
use mgm_domain::{CharacterName, PayoutId, Rejection};

use crate::{
    http::{
        auth::Desktop,
        error::ApiError,
        extract::{Body, Id},
    },
    routes::{openapi::errors::errors, payouts::payout, state::AppState},
};

errors! { Errors: DESKTOP, BODY; NotFound, InvalidCharacterName }

/// Records, once, that the winner has accepted. A repeat changes nothing.
#[utoipa::path(
    post, path = "/api/payouts/{id}/confirm-acceptance", tag = "desktop", security(("desktop" = [])),
    params(("id" = String, Path, format = Uuid, description = "The payout")),
    request_body = ConfirmAcceptance,
    responses(
        (status = 200, description = "The payout as it stands now", body = Payout),
        Errors,
    ),
)]
pub(in crate::routes) async fn confirm(
    _: Desktop,
    Id(id): Id,
    State(state): State<AppState>,
    Body(body): Body<ConfirmAcceptance>,
) -> Result<Json<Payout>, ApiError> {
    let id = PayoutId::from_uuid(id);
    let Ok(name) = CharacterName::parse(&body.character_name) else {
        // A missing payout is reported before an invalid name.
        state.store.payout(id).await?.ok_or(Rejection::NotFound)?;
        return Err(Rejection::InvalidCharacterName.into());
    };
    let view = state.store.confirm_acceptance(id, name, state.clock.now()).await?;
    tracing::info!(payout = %id, "acceptance confirmed");
    Ok(Json(payout(view)))
}
