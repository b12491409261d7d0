//! Check User Subscription (<https://dev.twitch.tv/docs/api/reference/#check-user-subscription>).

use http::{Method, StatusCode};
use serde::Deserialize;

use super::{CallError, Correlation, Credentials, Helix, call, read};
use crate::tolerant;

#[derive(Deserialize)]
struct SubscriptionAnswer {
    #[serde(default, deserialize_with = "tolerant::objects")]
    data: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {}

impl Helix {
    /// Asks whether `user_id` is subscribed to `broadcaster_id`: 200 with a row is yes, 404 is no, anything else is an error
    /// and not a no.
    pub async fn is_subscribed(
        &self,
        broadcaster_id: &str,
        user_id: &str,
        credentials: &Credentials,
        correlation: &Correlation,
    ) -> Result<bool, CallError> {
        let mut url = self.base_url.endpoint("helix/subscriptions/user");
        url.query_pairs_mut().append_pair("broadcaster_id", broadcaster_id).append_pair("user_id", user_id);
        let known = |status| matches!(status, StatusCode::OK | StatusCode::NOT_FOUND);
        let (status, body) = call(self.request(Method::GET, url, credentials, correlation), known).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        match read::<SubscriptionAnswer>(&body) {
            Some(answer) if !answer.data.is_empty() => Ok(true),
            Some(_) | None => Err(CallError::OddAnswer),
        }
    }
}
