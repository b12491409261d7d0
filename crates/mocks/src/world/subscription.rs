//! An EventSub subscription.

use mgm_twitch::eventsub::{SigningSecrets, format_timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::secret::Secret;

pub(crate) const ENABLED: &str = "enabled";
pub(crate) const PENDING: &str = "webhook_callback_verification_pending";
pub(crate) const UNVERIFIED: &str = "webhook_callback_verification_failed";
pub(crate) const FAILED: &str = "notification_failures_exceeded";

/// An EventSub subscription. In a fixture, one by webhook that a client already has.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Webhook")]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// The client that owns it.
    pub client_id: String,
    /// `enabled`, or why it is not enabled.
    pub status: String,
    /// Its type, such as `channel.chat.message`.
    pub kind: String,
    /// The version of its type.
    pub version: String,
    /// Its condition, which names the users that it concerns.
    pub condition: Map<String, Value>,
    /// Where notifications go.
    pub transport: Transport,
    /// When it was created, by the world's clock.
    pub created_at: OffsetDateTime,
    /// Its cost.
    pub cost: u32,
    /// How many notifications in a row were lost after their last attempt.
    pub failures: u32,
}

/// Where the notifications of a subscription go.
#[derive(Clone, Debug)]
pub enum Transport {
    /// To a callback.
    Webhook {
        /// The callback.
        callback: String,
        /// The secret that signs notifications.
        secret: Secret,
    },
    /// Over a WebSocket.
    WebSocket {
        /// The session's id.
        session_id: String,
        /// The user whose token made the subscription.
        user_id: String,
        /// When the session began, by the world's clock.
        connected_at: OffsetDateTime,
        /// When it ended.
        disconnected_at: Option<OffsetDateTime>,
    },
}

/// A subscription by webhook, as fixtures have it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    id: String,
    client_id: String,
    #[serde(default = "enabled")]
    status: String,
    #[serde(rename = "type")]
    kind: String,
    version: String,
    condition: Map<String, Value>,
    callback: String,
    secret: Secret,
    #[serde(default = "long_ago", with = "mgm_api_types::timestamp")]
    created_at: OffsetDateTime,
    #[serde(default)]
    cost: u32,
}

fn enabled() -> String {
    ENABLED.to_owned()
}

const fn long_ago() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

impl From<Webhook> for Subscription {
    fn from(webhook: Webhook) -> Self {
        let Webhook { id, client_id, status, kind, version, condition, callback, secret, created_at, cost } = webhook;
        let transport = Transport::Webhook { callback, secret };
        Self { id, client_id, status, kind, version, condition, transport, created_at, cost, failures: 0 }
    }
}

impl Webhook {
    fn of(one: &Subscription) -> Option<Self> {
        let Transport::Webhook { callback, secret } = &one.transport else { return None };
        let Subscription { id, client_id, status, kind, version, condition, created_at, cost, .. } = one.clone();
        let (callback, secret) = (callback.clone(), secret.clone());
        Some(Self { id, client_id, status, kind, version, condition, callback, secret, created_at, cost })
    }
}

/// Serializes those by webhook: no fixture can bring a WebSocket back.
pub(super) fn webhooks<S: Serializer>(all: &[Subscription], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.iter().filter_map(Webhook::of))
}

impl Transport {
    /// The transport as Twitch shows it.
    fn show(&self) -> Value {
        match self {
            Self::Webhook { callback, .. } => json!({"method": "webhook", "callback": callback}),
            Self::WebSocket { session_id, connected_at, disconnected_at, .. } => {
                let connected_at = format_timestamp(*connected_at);
                let mut shown = json!({"method": "websocket", "session_id": session_id, "connected_at": connected_at});
                if let Some(disconnected_at) = disconnected_at {
                    shown["disconnected_at"] = format_timestamp(*disconnected_at).into();
                }
                shown
            }
        }
    }

    /// Whether both lead to the same callback or session.
    fn leads_where(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Webhook { callback, .. }, Self::Webhook { callback: other, .. }) => callback == other,
            (Self::WebSocket { session_id, .. }, Self::WebSocket { session_id: other, .. }) => session_id == other,
            (Self::Webhook { .. }, Self::WebSocket { .. }) | (Self::WebSocket { .. }, Self::Webhook { .. }) => false,
        }
    }
}

impl Subscription {
    /// The secret that signs its messages, if there is one and it is valid.
    pub(crate) fn signing(&self) -> Option<SigningSecrets> {
        let Transport::Webhook { secret, .. } = &self.transport else { return None };
        let secret = SecretString::from(secret.text());
        SigningSecrets::new([&secret]).ok().filter(|secrets| !secrets.is_empty())
    }

    /// Its session, if it has one.
    pub(crate) fn session(&self) -> Option<&str> {
        match &self.transport {
            Transport::Webhook { .. } => None,
            Transport::WebSocket { session_id, .. } => Some(session_id),
        }
    }

    /// The user who owns it together with the client; webhooks belong to the client alone.
    pub(super) fn user(&self) -> Option<&str> {
        match &self.transport {
            Transport::Webhook { .. } => None,
            Transport::WebSocket { user_id, .. } => Some(user_id),
        }
    }

    /// The subscription as Twitch shows it.
    pub(crate) fn show(&self) -> Value {
        json!({
            "id": self.id,
            "status": self.status,
            "type": self.kind,
            "version": self.version,
            "condition": self.condition,
            "created_at": format_timestamp(self.created_at),
            "transport": self.transport.show(),
            "cost": self.cost,
        })
    }

    pub(super) fn is_alive(&self) -> bool {
        [ENABLED, PENDING].contains(&self.status.as_str())
    }

    /// Whether this one is alive, and for the same owner, type, version and condition.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.is_alive()
            && self.client_id == other.client_id
            && self.user() == other.user()
            && self.kind == other.kind
            && self.version == other.version
            && self.condition == other.condition
    }

    /// Whether both lead to the same callback or session.
    pub(super) fn leads_where(&self, other: &Self) -> bool {
        self.transport.leads_where(&other.transport)
    }
}
