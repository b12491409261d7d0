//! Check User Subscription (<https://dev.twitch.tv/docs/api/reference/#check-user-subscription>).

use http::{Method, StatusCode};
use serde::Deserialize;
use time::OffsetDateTime;

use super::{Correlation, Credentials, Helix, MAX_ANSWER_BYTES, error_message, rate_limit_reset, read};
use crate::tolerant;
use crate::transport::{Exchange, exchange};

/// Helix said neither yes nor no; trying later may help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// No connection, or no complete answer.
    #[error("Helix could not be asked: {0}")]
    Unreachable(String),
    /// 429.
    #[error("Helix has had too many requests")]
    RateLimited {
        /// From when requests are accepted again, where Helix says so.
        reset: Option<OffsetDateTime>,
    },
    /// Any other status than 200 and 404; 401 when the token is no longer good.
    #[error("Helix answered {status}: {}", .message.as_deref().unwrap_or("no reason given"))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What Helix says is wrong.
        message: Option<String>,
    },
    /// 200 without a subscription in it.
    #[error("Helix answered 200 without a subscription")]
    OddAnswer,
}

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
    ) -> Result<bool, SubscriptionError> {
        let mut url = self.base_url.endpoint("helix/subscriptions/user");
        url.query_pairs_mut().append_pair("broadcaster_id", broadcaster_id).append_pair("user_id", user_id);
        match exchange(self.request(Method::GET, url, credentials, correlation), MAX_ANSWER_BYTES).await {
            Exchange::NotConnected(reason) | Exchange::Interrupted(reason) => {
                Err(SubscriptionError::Unreachable(reason))
            }
            Exchange::Complete { status: StatusCode::OK, body, .. } => match read::<SubscriptionAnswer>(&body) {
                Some(answer) if !answer.data.is_empty() => Ok(true),
                Some(_) | None => Err(SubscriptionError::OddAnswer),
            },
            Exchange::Complete { status: StatusCode::NOT_FOUND, .. } => Ok(false),
            Exchange::Complete { status: StatusCode::TOO_MANY_REQUESTS, headers, .. } => {
                Err(SubscriptionError::RateLimited { reset: rate_limit_reset(&headers) })
            }
            Exchange::Complete { status, body, .. } => {
                Err(SubscriptionError::Refused { status: status.as_u16(), message: error_message(&body) })
            }
        }
    }
}
