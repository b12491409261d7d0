//! What is checked.

use std::time::Duration;

use mgm_twitch::eventsub::SigningSecret;
use serde_json::{Map, Value};
use url::Url;

/// A receiver, and the subscription that it believes to have.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its address.
    pub callback: Url,
    /// The secret that signs its messages.
    pub secret: SigningSecret,
    /// The subscription's id; without one, it is a new one.
    pub subscription_id: Option<String>,
    /// The subscription's type.
    pub kind: String,
    /// The version of that type.
    pub version: String,
    /// The subscription's condition.
    pub condition: Map<String, Value>,
    /// The event of notifications; without one, it is made from the type and the condition.
    pub event: Option<Value>,
    /// How long an answer may take.
    pub within: Duration,
}
