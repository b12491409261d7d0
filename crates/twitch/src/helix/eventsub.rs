//! EventSub subscriptions (<https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription>). Webhook
//! subscriptions belong to the client, so every call needs its app token.

use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{CallError, Correlation, Credentials, Helix, call};
use crate::call::read;
use crate::eventsub::Condition;
use crate::tolerant;

/// The maximum number of pages of subscriptions that a client can have; Twitch fills a page with a hundred.
const MAX_PAGES: usize = 200;
/// The label of these calls in metrics.
const OPERATION: &str = "eventsub_subscriptions";

/// The scopes that the broadcaster must have granted the client for a webhook subscription to their own chat: the first two
/// as its reader, the last as its owner
/// (<https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types/#channelchatmessage>).
pub const CHAT_SUBSCRIPTION_SCOPES: [&str; 3] = ["user:read:chat", "user:bot", "channel:bot"];

/// A subscription as stored by Twitch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct EventSubSubscription {
    /// Twitch's id for it.
    #[serde(default, deserialize_with = "tolerant::text", rename = "id")]
    id: Option<String>,
    /// `enabled`, `webhook_callback_verification_pending`, or why it is no longer either.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub status: Option<String>,
    /// The subscription type, such as `channel.chat.message`.
    #[serde(default, rename = "type", deserialize_with = "tolerant::identifier")]
    pub kind: Option<String>,
    /// The channel and reader that it is about.
    #[serde(default, deserialize_with = "tolerant::object")]
    pub condition: Option<Condition>,
    /// The transport of its notifications.
    #[serde(default, deserialize_with = "tolerant::object")]
    pub transport: Option<Transport>,
}

/// The transport of a subscription's notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Transport {
    /// `webhook`, or another one that is not ours.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub method: Option<String>,
    /// The webhook's address.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub callback: Option<String>,
}

/// A webhook subscription to create.
#[derive(Clone, Debug)]
pub struct SubscriptionRequest<'a> {
    /// The subscription type.
    pub kind: &'a str,
    /// The channel's broadcaster id.
    pub broadcaster_user_id: &'a str,
    /// The user id of the chat's reader.
    pub user_id: &'a str,
    /// The address for notifications.
    pub callback: &'a str,
    /// The secret that signs them.
    pub secret: &'a SecretString,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "tolerant::objects")]
    data: Vec<EventSubSubscription>,
    #[serde(default, deserialize_with = "tolerant::object")]
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
struct Pagination {
    #[serde(default, deserialize_with = "tolerant::identifier")]
    cursor: Option<String>,
}

impl EventSubSubscription {
    /// Twitch's id for it; empty only if Twitch returned none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

impl Helix {
    /// All subscriptions of the client of this type, whatever their channel and status, page by page.
    pub async fn eventsub_subscriptions(
        &self,
        kind: &str,
        app: &Credentials,
    ) -> Result<Vec<EventSubSubscription>, CallError> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut url = self.base_url.endpoint("helix/eventsub/subscriptions");
            url.query_pairs_mut().append_pair("type", kind).extend_pairs(cursor.iter().map(|cursor| ("after", cursor)));
            let request = self.request(Method::GET, url, app, &Correlation::default());
            let (_, body) = call(OPERATION, request, |status| status == StatusCode::OK).await?;
            let page = read::<Page>(&body).ok_or(CallError::OddAnswer)?;
            found.extend(page.data);
            match page.pagination.and_then(|pagination| pagination.cursor) {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                Some(_) | None => return Ok(found),
            }
        }
        Err(CallError::OddAnswer)
    }

    /// Requests a subscription: 202, and Twitch then verifies the callback. `None` if it already exists (409).
    pub async fn create_eventsub_subscription(
        &self,
        wanted: &SubscriptionRequest<'_>,
        app: &Credentials,
    ) -> Result<Option<EventSubSubscription>, CallError> {
        let body = json!({
            "type": wanted.kind,
            "version": "1",
            "condition": {"broadcaster_user_id": wanted.broadcaster_user_id, "user_id": wanted.user_id},
            "transport": {
                "method": "webhook",
                "callback": wanted.callback,
                "secret": wanted.secret.expose_secret(),
            },
        });
        let url = self.base_url.endpoint("helix/eventsub/subscriptions");
        let request = self.request(Method::POST, url, app, &Correlation::default()).json(&body);
        let known = |status: StatusCode| status.is_success() || status == StatusCode::CONFLICT;
        let (status, body) = call(OPERATION, request, known).await?;
        if status == StatusCode::CONFLICT {
            return Ok(None);
        }
        let created = read::<Page>(&body).and_then(|page| page.data.into_iter().next());
        created.filter(|created| !created.id().is_empty()).map(Some).ok_or(CallError::OddAnswer)
    }

    /// Deletes a subscription; one that no longer exists (404) counts as deleted.
    pub async fn delete_eventsub_subscription(&self, id: &str, app: &Credentials) -> Result<(), CallError> {
        let mut url = self.base_url.endpoint("helix/eventsub/subscriptions");
        url.query_pairs_mut().append_pair("id", id);
        let request = self.request(Method::DELETE, url, app, &Correlation::default());
        let known = |status: StatusCode| status.is_success() || status == StatusCode::NOT_FOUND;
        call(OPERATION, request, known).await.map(|_| ())
    }
}
