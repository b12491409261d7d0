//! The messages of a session (<https://dev.twitch.tv/docs/eventsub/websocket-reference/>).

use mgm_twitch::eventsub::format_timestamp;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::delivery::Message;

/// A message about the session itself.
pub(super) fn about_session(kind: &str, id: &str, now: OffsetDateTime, payload: &Value) -> String {
    let metadata = json!({"message_id": id, "message_type": kind, "message_timestamp": format_timestamp(now)});
    json!({"metadata": metadata, "payload": payload}).to_string()
}

/// A message about a subscription, sent at a time.
pub(super) fn about_subscription(message: &Message, sent_at: OffsetDateTime) -> String {
    let metadata = json!({
        "message_id": message.id,
        "message_type": message.kind.name(),
        "message_timestamp": format_timestamp(sent_at),
        "subscription_type": message.subscription.kind,
        "subscription_version": message.subscription.version,
    });
    format!(r#"{{"metadata":{metadata},"payload":{}}}"#, message.payload)
}

/// The payload of a welcome.
pub(super) fn welcome(session: &str, connected_at: OffsetDateTime, keepalive_seconds: u32) -> Value {
    json!({"session": {
        "id": session,
        "status": "connected",
        "connected_at": format_timestamp(connected_at),
        "keepalive_timeout_seconds": keepalive_seconds,
        "reconnect_url": null,
        "recovery_url": null,
    }})
}

/// The payload of a demand to reconnect.
pub(super) fn reconnect(session: &str, connected_at: OffsetDateTime, url: &str) -> Value {
    json!({"session": {
        "id": session,
        "status": "reconnecting",
        "connected_at": format_timestamp(connected_at),
        "keepalive_timeout_seconds": null,
        "reconnect_url": url,
        "recovery_url": null,
    }})
}
