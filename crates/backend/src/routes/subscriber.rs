//! The subscriber check.

use mgm_domain::{Rejection, ViewerId};
use mgm_twitch::helix::Correlation;

use crate::{http::error::ApiError, routes::state::AppState};

/// Accepts subscribers: other viewers get `not_subscriber`, and a fault is `helix_unavailable`. Development may skip
/// the check.
pub(crate) async fn require(state: &AppState, viewer: &ViewerId, correlation: &Correlation) -> Result<(), ApiError> {
    if state.config.settings.mgm.dev_skip_subscriber_check {
        return Ok(());
    }
    match state.helix.is_subscribed(viewer.as_str(), correlation).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Rejection::NotSubscriber.into()),
        Err(error) => {
            tracing::warn!(%error, %viewer, "the subscription could not be checked");
            Err(ApiError::HelixUnavailable)
        }
    }
}
