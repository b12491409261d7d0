//! An EventSub subscription.

use mgm_twitch::eventsub::{SigningSecrets, format_timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::secret::Secret;

pub(crate) const ENABLED: &str = "enabled";
pub(crate) const PENDING: &str = "webhook_callback_verification_pending";
pub(crate) const UNVERIFIED: &str = "webhook_callback_verification_failed";

/// An EventSub subscription. In a fixture, one that a client already has.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// The client that owns it.
    pub client_id: String,
    /// `enabled`, the default, or why it is not enabled.
    #[serde(default = "enabled")]
    pub status: String,
    /// Its type, such as `channel.chat.message`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of its type.
    pub version: String,
    /// Its condition, which names the users that it concerns.
    pub condition: Map<String, Value>,
    /// Where notifications go.
    pub callback: String,
    /// The secret that signs notifications.
    pub secret: Secret,
    /// When it was created, by the world's clock.
    #[serde(default = "long_ago", with = "mgm_api_types::timestamp")]
    pub created_at: OffsetDateTime,
    /// Its cost.
    #[serde(default)]
    pub cost: u32,
}

fn enabled() -> String {
    ENABLED.to_owned()
}

const fn long_ago() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

impl Subscription {
    /// The secret that signs its messages, if it is valid.
    pub(crate) fn signing(&self) -> Option<SigningSecrets> {
        let secret = SecretString::from(self.secret.text());
        SigningSecrets::new([&secret]).ok().filter(|secrets| !secrets.is_empty())
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
            "transport": {"method": "webhook", "callback": self.callback},
            "cost": self.cost,
        })
    }

    pub(super) fn is_alive(&self) -> bool {
        [ENABLED, PENDING].contains(&self.status.as_str())
    }

    /// Whether this one is alive, and for the same client, type, version and condition.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.is_alive()
            && self.client_id == other.client_id
            && self.kind == other.kind
            && self.version == other.version
            && self.condition == other.condition
    }
}
