//! Whether a viewer subscribes to the channel, asked by the broadcaster: Get Broadcaster Subscriptions, filtered by one
//! user (<https://dev.twitch.tv/docs/api/reference/#get-broadcaster-subscriptions>).
//!
//! Check User Subscription does not fit: it requires the viewer's own token.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::{CallError, Correlation, Credentials, Helix, call};
use crate::call::read;

/// The scope that the broadcaster's token needs.
pub const SUBSCRIPTIONS_SCOPE: &str = "channel:read:subscriptions";

/// Parsed strictly: only an empty list means no, and a list of unexpected values is not empty.
#[derive(Deserialize)]
struct Answer {
    data: Vec<Value>,
}

impl Helix {
    /// Asks with the broadcaster's own token whether `user_id` subscribes to `broadcaster_id`: 200 with the user's row means
    /// yes, 200 with an empty list means no, anything else is an error and not a no.
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
        // Another user's row would mean that the filter was ignored.
        let is_users = |row: &Value| row.is_object() && row.get("user_id").is_none_or(|id| id == user_id);
        if data.iter().any(is_users) { Ok(true) } else { Err(CallError::OddAnswer) }
    }
}
