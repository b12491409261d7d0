//! The subscriptions of EventSub (<https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription>). Those of
//! webhooks belong to the client, so every call needs its app token.

use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{CallError, Correlation, Credentials, Helix, call};
use crate::call::read;
use crate::eventsub::Condition;
use crate::tolerant;

/// No client has more pages of subscriptions than this; Twitch fills a page with a hundred.
const MAX_PAGES: usize = 200;
/// What the metrics call these calls.
const OPERATION: &str = "eventsub_subscriptions";

/// What the broadcaster has to have granted the client for a webhook's subscription to the own chat: the first two as who
/// reads it, the last as whose it is (<https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types/#channelchatmessage>).
pub const CHAT_SUBSCRIPTION_SCOPES: [&str; 3] = ["user:read:chat", "user:bot", "channel:bot"];

/// A subscription as Twitch keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct EventSubSubscription {
    /// Twitch's id of it.
    #[serde(default, deserialize_with = "tolerant::text", rename = "id")]
    id: Option<String>,
    /// `enabled`, `webhook_callback_verification_pending`, or why it is no longer either.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub status: Option<String>,
    /// Such as `channel.chat.message`.
    #[serde(default, rename = "type", deserialize_with = "tolerant::identifier")]
    pub kind: Option<String>,
    /// Whose chat it is about.
    #[serde(default, deserialize_with = "tolerant::object")]
    pub condition: Option<Condition>,
    /// Where notifications go.
    #[serde(default, deserialize_with = "tolerant::object")]
    pub transport: Option<Transport>,
}

/// How a subscription's notifications travel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Transport {
    /// `webhook`, or another that is not ours.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub method: Option<String>,
    /// The webhook's address.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub callback: Option<String>,
}

/// A webhook subscription to be made.
#[derive(Clone, Debug)]
pub struct SubscriptionRequest<'a> {
    /// The type.
    pub kind: &'a str,
    /// The channel.
    pub broadcaster_user_id: &'a str,
    /// Who reads its chat.
    pub user_id: &'a str,
    /// Where notifications are to go.
    pub callback: &'a str,
    /// What they are to be signed with.
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
    /// Twitch's id of it; empty only where Twitch has named none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

impl Helix {
    /// All subscriptions of this type that the client has, whoever they are about and whatever their status, page by page.
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

    /// Asks for a subscription: 202, and Twitch goes on to verify the callback. `None` when there is one already (409).
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

    /// Ends a subscription; one that is gone already (404) is as good.
    pub async fn delete_eventsub_subscription(&self, id: &str, app: &Credentials) -> Result<(), CallError> {
        let mut url = self.base_url.endpoint("helix/eventsub/subscriptions");
        url.query_pairs_mut().append_pair("id", id);
        let request = self.request(Method::DELETE, url, app, &Correlation::default());
        let known = |status: StatusCode| status.is_success() || status == StatusCode::NOT_FOUND;
        call(OPERATION, request, known).await.map(|_| ())
    }
}
