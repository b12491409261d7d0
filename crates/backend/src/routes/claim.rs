//! `POST /api/payouts/claim`: enrolment by the panel.

use axum::{Extension, Json, extract::State, http::StatusCode};
use mgm_api_types::Claim;
use mgm_domain::{CharacterName, EnrollmentRequestId, Rejection, pool::Enrol};
use mgm_store::{Enrolment, EnrolmentOutcome, EnrolmentSource};

use crate::{
    http::{auth::Viewer, error::ApiError, extract::Body, layers::context::RequestContext},
    routes::{openapi::errors::errors, state::AppState, subscriber},
};

errors! {
    Errors: VIEWER, BODY;
    InvalidCharacterName, NotSubscriber, DuplicateEnrollment, ActivePayoutExists, LifetimeCapReached,
    CharacterNameTakenInPool, HelixUnavailable,
}

/// Joins the pool, or changes the viewer's character name in it. A repeat of the same id gets the same answer.
#[utoipa::path(
    post, path = "/api/payouts/claim", tag = "viewer", security(("viewer" = [])),
    request_body = Claim,
    responses(
        (status = 201, description = "Enrolled", body = Claim),
        (status = 200, description = "The same viewer's same id again, with the name of the time before", body = Claim),
        Errors,
    ),
)]
pub(super) async fn claim(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(request): Extension<RequestContext>,
    Body(body): Body<Claim>,
) -> Result<(StatusCode, Json<Claim>), ApiError> {
    let request_id = EnrollmentRequestId::parse(body.enrollment_request_id)
        .map_err(|error| ApiError::InvalidPayload(format!("enrollmentRequestId {error}")))?;
    let name = CharacterName::parse(&body.character_name).map_err(|_| Rejection::InvalidCharacterName)?;
    let answer = |status, name: &CharacterName| {
        let (character_name, enrollment_request_id) = (name.to_string(), request_id.to_string());
        Ok((status, Json(Claim { character_name, enrollment_request_id })))
    };
    // A repeat is answered whatever Helix says now.
    match state.store.claimed(&request_id).await? {
        Some(claim) if claim.viewer == viewer.id => return answer(StatusCode::OK, &claim.character_name),
        Some(_) => return Err(Rejection::DuplicateEnrollment.into()),
        None => {}
    }
    subscriber::require(&state, &viewer.id, &request.correlation()).await?;
    let source = EnrolmentSource::Claim { request_id: request_id.clone() };
    let command = Enrol { viewer: viewer.id, display_name: viewer.display_name, name: name.clone() };
    match state.enroller.enrol(Enrolment { source, command, at: state.clock.now() }).await? {
        EnrolmentOutcome::Enrolled | EnrolmentOutcome::AlreadyProcessed => answer(StatusCode::CREATED, &name),
        EnrolmentOutcome::Repeated { character_name } => answer(StatusCode::OK, &character_name),
        EnrolmentOutcome::Refused(refusal) => Err(refusal.into()),
    }
}
