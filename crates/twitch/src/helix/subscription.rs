//! Whether a viewer subscribes, asked by the broadcaster: Get Broadcaster Subscriptions, filtered by one user
//! (<https://dev.twitch.tv/docs/api/reference/#get-broadcaster-subscriptions>).
//!
//! Check User Subscription is not the route for it: there the viewer's own token is wanted.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::{CallError, Correlation, Credentials, Helix, call};
use crate::call::read;

/// The scope that the broadcaster's token needs.
pub const SUBSCRIPTIONS_SCOPE: &str = "channel:read:subscriptions";

/// Read without tolerance: a list of odd things is not an empty list, and only that is a no.
#[derive(Deserialize)]
struct Answer {
    data: Vec<Value>,
}

impl Helix {
    /// Asks with the broadcaster's own token whether `user_id` is subscribed to `broadcaster_id`: 200 with the user's row is
    /// yes, 200 with an empty list is no, anything else is an error and not a no.
    pub async fn is_subscribed(
        &self,
        broadcaster_id: &str,
        user_id: &str,
        credentials: &Credentials,
        correlation: &Correlation,
    ) -> Result<bool, CallError> {
        let mut url = self.base_url.endpoint("helix/subscriptions");
        url.query_pairs_mut().append_pair("broadcaster_id", broadcaster_id).append_pair("user_id", user_id);
        let request = self.request(Method::GET, url, credentials, correlation);
        let (_, body) = call("check_user_subscription", request, |status| status == StatusCode::OK).await?;
        let Answer { data } = read(&body).ok_or(CallError::OddAnswer)?;
        if data.is_empty() {
            return Ok(false);
        }
        // Somebody else's row would mean that the filter was not looked at.
        let is_users = |row: &Value| row.is_object() && row.get("user_id").is_none_or(|id| id == user_id);
        if data.iter().any(is_users) { Ok(true) } else { Err(CallError::OddAnswer) }
    }
}
