//! Builds chat messages as Twitch does, for tests and for the stand-ins.

use serde_json::{Value, json};

use super::CHANNEL_CHAT_MESSAGE;

/// A `channel.chat.message` notification to send.
#[derive(Clone, Debug)]
pub struct ChatMessageBuilder {
    /// The id of the chat message.
    pub message_id: String,
    /// The channel's broadcaster id.
    pub broadcaster_user_id: String,
    /// In shared chat the channel in which the message was typed.
    pub source_broadcaster_user_id: Option<String>,
    /// The chatter's user id.
    pub chatter_user_id: String,
    /// The chatter's login, also used as the display name.
    pub chatter_user_login: String,
    /// The text of the message.
    pub text: String,
    /// The chatter's badges, such as `subscriber`.
    pub badges: Vec<String>,
}

impl ChatMessageBuilder {
    /// A message from a subscriber, typed in the broadcaster's own chat.
    #[must_use]
    pub fn by_subscriber(message_id: &str, broadcaster_user_id: &str, user_id: &str, login: &str, text: &str) -> Self {
        Self {
            message_id: message_id.to_owned(),
            broadcaster_user_id: broadcaster_user_id.to_owned(),
            source_broadcaster_user_id: None,
            chatter_user_id: user_id.to_owned(),
            chatter_user_login: login.to_owned(),
            text: text.to_owned(),
            badges: vec!["subscriber".to_owned()],
        }
    }

    /// The body with every field that Twitch documents for version 1 of the subscription type.
    #[must_use]
    pub fn full_body(&self) -> Vec<u8> {
        let badges: Vec<Value> = self.badges.iter().map(|set_id| badge(set_id)).collect();
        let source = self.source_broadcaster_user_id.as_deref();
        let body = json!({
            "subscription": {
                "id": "0b7f3361-672b-4d39-b307-dd5b576c9b27",
                "status": "enabled",
                "type": CHANNEL_CHAT_MESSAGE,
                "version": "1",
                "condition": {"broadcaster_user_id": self.broadcaster_user_id, "user_id": self.broadcaster_user_id},
                "transport": {"method": "webhook", "callback": "https://example.com/api/twitch/eventsub"},
                "created_at": "2023-11-06T18:11:47.492253549Z",
                "cost": 0,
            },
            "event": {
                "broadcaster_user_id": self.broadcaster_user_id,
                "broadcaster_user_login": "streamer",
                "broadcaster_user_name": "Streamer",
                "chatter_user_id": self.chatter_user_id,
                "chatter_user_login": self.chatter_user_login,
                "chatter_user_name": self.chatter_user_login,
                "message_id": self.message_id,
                "message": {
                    "text": self.text,
                    "fragments": [
                        {"type": "text", "text": self.text, "cheermote": null, "emote": null, "mention": null},
                    ],
                },
                "color": "#00FF7F",
                "badges": badges,
                "message_type": "text",
                "cheer": null,
                "reply": null,
                "channel_points_custom_reward_id": null,
                "channel_points_animation_id": null,
                "source_broadcaster_user_id": source,
                "source_broadcaster_user_login": source,
                "source_broadcaster_user_name": source,
                // In other channels than the one it was typed in, a message has a separate id.
                "source_message_id": source.map(|_| format!("{}-source", self.message_id)),
                "source_badges": source.map(|_| &badges),
                "is_source_only": source.map(|_| false),
            },
        });
        body.to_string().into_bytes()
    }

    /// The body with only the seven fields that the .NET pipeline's script sends.
    #[must_use]
    pub fn short_body(&self) -> Vec<u8> {
        let badges: Vec<Value> = self.badges.iter().map(|set_id| json!({"set_id": set_id})).collect();
        let body = json!({
            "subscription": {"type": CHANNEL_CHAT_MESSAGE},
            "event": {
                "message_id": self.message_id,
                "chatter_user_id": self.chatter_user_id,
                "chatter_user_login": self.chatter_user_login,
                "message": {"text": self.text},
                "badges": badges,
            },
        });
        body.to_string().into_bytes()
    }
}

/// A badge; only subscriber badges have additional information, the number of months.
fn badge(set_id: &str) -> Value {
    let info = if matches!(set_id, "subscriber" | "founder") { "1" } else { "" };
    json!({"set_id": set_id, "id": "1", "info": info})
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::super::{Envelope, MessageType, SigningSecrets};
    use super::*;

    fn message() -> ChatMessageBuilder {
        ChatMessageBuilder::by_subscriber("m-1", "streamer-1", "viewer-1", "viewer", "!twgold Etoehero")
    }

    #[test]
    fn both_bodies_read_back_as_what_was_written() {
        for (body, broadcaster) in
            [(message().full_body(), Some("streamer-1".to_owned())), (message().short_body(), None)]
        {
            let envelope = Envelope::parse(&body).unwrap();
            assert_eq!(envelope.subscription_type(), Some(CHANNEL_CHAT_MESSAGE));
            let read = envelope.chat_message().unwrap();
            assert_eq!(read.broadcaster_user_id, broadcaster);
            assert_eq!(read.source_broadcaster_user_id, None);
            assert_eq!((read.message_id.as_str(), read.chatter_user_id.as_str()), ("m-1", "viewer-1"));
            assert_eq!((read.display_name(), read.text.as_str()), ("viewer", "!twgold Etoehero"));
            assert_eq!(read.badges[0].set_id.as_deref(), Some("subscriber"));
        }
    }

    #[test]
    fn the_short_body_has_the_seven_fields_of_the_pipeline_that_it_replaces() {
        let body: Value = serde_json::from_slice(&message().short_body()).unwrap();
        insta::assert_json_snapshot!(body, @r#"
        {
          "event": {
            "badges": [
              {
                "set_id": "subscriber"
              }
            ],
            "chatter_user_id": "viewer-1",
            "chatter_user_login": "viewer",
            "message": {
              "text": "!twgold Etoehero"
            },
            "message_id": "m-1"
          },
          "subscription": {
            "type": "channel.chat.message"
          }
        }
        "#);
    }

    #[test]
    fn the_full_body_has_every_documented_field() {
        let mut message = message();
        message.badges.push("moderator".to_owned());
        let body: Value = serde_json::from_slice(&message.full_body()).unwrap();
        insta::assert_json_snapshot!(body);
        message.source_broadcaster_user_id = Some("another".to_owned());
        let shared: Value = serde_json::from_slice(&message.full_body()).unwrap();
        assert_ne!(shared["event"]["source_message_id"], shared["event"]["message_id"]);
        assert!(shared["event"]["source_badges"].is_array(), "{shared}");
    }

    #[test]
    fn signed_headers_verify() {
        let secrets = SigningSecrets::new(&[SecretString::from("e2e-ci-eventsub-secret")]).unwrap();
        let body = message().full_body();
        let headers = secrets.notification_headers("id-1", "2026-04-05T12:00:00.123456789Z", &body);
        assert_eq!(secrets.verify(&headers, &body), Ok(()));
        assert_eq!(MessageType::of(&headers, &Envelope::parse(&body).unwrap()), MessageType::Notification);
    }
}
