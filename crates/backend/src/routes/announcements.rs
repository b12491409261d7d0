//! `GET /api/announcements`, `GET /api/announcements/{payoutId}`, `POST …/retry` and `POST …/resolve`: for the operator.

use axum::{Json, extract::State, response::Response};
use mgm_api_types::{Announcement, AnnouncementState, ResolveAnnouncement};
use mgm_domain::{PayoutId, Rejection, announcement};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        auth::Desktop,
        error::ApiError,
        extract::{Body, Id, Parameters},
    },
    routes::{
        openapi::errors::errors,
        page::{Page, nothing_to_follow},
        state::AppState,
    },
};

/// Selects announcements.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByState {
    /// Only those in this state; without it all. Case does not matter.
    state: Option<AnnouncementState>,
}

errors! { ListErrors: DESKTOP; InvalidPayload }

/// The announcements, oldest first; at most 1000. If there are more, a `Link` header has the address of the next page.
#[utoipa::path(
    get, path = "/api/announcements", tag = "operator", security(("desktop" = [])),
    params(ByState, Page),
    responses(
        (status = 200, description = "The announcements", body = [Announcement]),
        ListErrors,
    ),
)]
pub(super) async fn list(
    _: Desktop,
    State(state): State<AppState>,
    Parameters(by): Parameters<ByState>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, ApiError> {
    let (wanted, part) = (by.state.map(of_wire), page.part());
    let after = match part.after {
        Some(id) => {
            let known = state.store.announcement(PayoutId::from_uuid(id)).await?;
            Some(known.ok_or_else(|| nothing_to_follow("payout with an announcement"))?)
        }
        None => None,
    };
    let listed = state.store.announcements(wanted, after.as_ref(), part.to_read()).await?;
    let listed = listed.into_iter().map(shown).collect();
    let own = wanted.map(|state| format!("state={state}&")).unwrap_or_default();
    Ok(part.answer(&format!("/api/announcements?{own}"), listed, |one: &Announcement| one.payout_id))
}

errors! { OneErrors: DESKTOP; NotFound }

/// The announcement of a payout. A payout that is not `Sent` has none.
#[utoipa::path(
    get, path = "/api/announcements/{payoutId}", tag = "operator", security(("desktop" = [])),
    params(("payoutId" = String, Path, format = Uuid, description = "The payout")),
    responses(
        (status = 200, description = "The announcement as it stands now", body = Announcement),
        OneErrors,
    ),
)]
pub(super) async fn one(_: Desktop, Id(id): Id, State(state): State<AppState>) -> Result<Json<Announcement>, ApiError> {
    let announcement = state.store.announcement(PayoutId::from_uuid(id)).await?.ok_or(Rejection::NotFound)?;
    Ok(Json(shown(announcement)))
}

errors! { RetryErrors: DESKTOP; NotFound, InvalidState }

/// Retries an announcement that failed, was dropped or is unknown. The worker sends it.
#[utoipa::path(
    post, path = "/api/announcements/{payoutId}/retry", tag = "operator", security(("desktop" = [])),
    params(("payoutId" = String, Path, format = Uuid, description = "The payout")),
    responses(
        (status = 200, description = "The announcement as it stands now", body = Announcement),
        RetryErrors,
    ),
)]
pub(super) async fn retry(
    _: Desktop,
    Id(id): Id,
    State(state): State<AppState>,
) -> Result<Json<Announcement>, ApiError> {
    Ok(Json(shown(state.store.retry_announcement(PayoutId::from_uuid(id), state.clock.now()).await?)))
}

errors! { ResolveErrors: DESKTOP, BODY; NotFound, InvalidState }

/// Settles an unknown announcement: the operator has checked whether it was said.
#[utoipa::path(
    post, path = "/api/announcements/{payoutId}/resolve", tag = "operator", security(("desktop" = [])),
    params(("payoutId" = String, Path, format = Uuid, description = "The payout")),
    request_body = ResolveAnnouncement,
    responses(
        (status = 200, description = "The announcement as it stands now", body = Announcement),
        ResolveErrors,
    ),
)]
pub(super) async fn resolve(
    _: Desktop,
    Id(id): Id,
    State(state): State<AppState>,
    Body(body): Body<ResolveAnnouncement>,
) -> Result<Json<Announcement>, ApiError> {
    let resolving = state.store.resolve_announcement(PayoutId::from_uuid(id), body.announced, state.clock.now());
    Ok(Json(shown(resolving.await?)))
}

fn shown(announcement: mgm_store::Announcement) -> Announcement {
    use announcement::AnnouncementState as State;
    Announcement {
        payout_id: announcement.payout.as_uuid(),
        message: announcement.message,
        state: match announcement.state {
            State::Pending => AnnouncementState::Pending,
            State::Sending => AnnouncementState::Sending,
            State::Announced => AnnouncementState::Announced,
            State::Dropped => AnnouncementState::Dropped,
            State::Unknown => AnnouncementState::Unknown,
            State::Failed => AnnouncementState::Failed,
        },
        attempts: announcement.attempts,
        detail: announcement.detail,
        next_attempt_at: announcement.next_attempt_at,
        created_at: announcement.created_at,
        updated_at: announcement.updated_at,
    }
}

const fn of_wire(wire: AnnouncementState) -> announcement::AnnouncementState {
    use announcement::AnnouncementState as State;
    match wire {
        AnnouncementState::Pending => State::Pending,
        AnnouncementState::Sending => State::Sending,
        AnnouncementState::Announced => State::Announced,
        AnnouncementState::Dropped => State::Dropped,
        AnnouncementState::Unknown => State::Unknown,
        AnnouncementState::Failed => State::Failed,
    }
}
