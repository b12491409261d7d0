//! The body of a message (<https://dev.twitch.tv/docs/eventsub/eventsub-reference/#channel-chat-message-event>).
//!
//! Twitch adds fields at any time, and the pipelines that send test messages omit most of them, so every field is optional
//! when parsed; [`Envelope::chat_message`] requires those that a chat message needs.

use serde::Deserialize;
use serde::de::Error as _;

use crate::tolerant;

/// What every message contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Envelope {
    /// To be returned unchanged, if the message is a verification.
    #[serde(default, deserialize_with = "tolerant::text")]
    pub challenge: Option<String>,
    /// The subscription that the message belongs to.
    #[serde(default, deserialize_with = "tolerant::only_object")]
    pub subscription: Option<Subscription>,
    #[serde(default, deserialize_with = "tolerant::only_object")]
    event: Option<Event>,
}

/// The subscription that a message belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    /// Twitch's id for it.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub id: Option<String>,
    /// The subscription type, such as `channel.chat.message`.
    #[serde(default, rename = "type", deserialize_with = "tolerant::identifier")]
    pub kind: Option<String>,
    /// `enabled`, or why it was revoked: `authorization_revoked`, `user_removed`, `notification_failures_exceeded`, …
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub status: Option<String>,
    /// The channel and reader that it is about.
    #[serde(default, deserialize_with = "tolerant::only_object")]
    pub condition: Option<Condition>,
}

impl Subscription {
    /// The channel that it is about, if it names one.
    #[must_use]
    pub fn channel(&self) -> Option<&str> {
        self.condition.as_ref()?.broadcaster_user_id.as_deref()
    }
}

/// The channel of a subscription, and the reader of its chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Condition {
    /// The channel's broadcaster id.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub broadcaster_user_id: Option<String>,
    /// The user who reads the chat.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub user_id: Option<String>,
}

/// A chat message with all required fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelChatMessage {
    /// The channel's broadcaster id; absent in the short form, which is for the configured channel.
    pub broadcaster_user_id: Option<String>,
    /// In shared chat the channel in which the message was typed.
    pub source_broadcaster_user_id: Option<String>,
    /// The chatter's user id.
    pub chatter_user_id: String,
    /// The chatter's login.
    pub chatter_user_login: Option<String>,
    /// The chatter's display name.
    pub chatter_user_name: Option<String>,
    /// The id of the chat message, the same in every notification about it.
    pub message_id: String,
    /// The text as typed.
    pub text: String,
    /// The chatter's badges in the channel; absent means none.
    pub badges: Vec<Badge>,
}

/// A badge, such as `subscriber`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Badge {
    /// Its kind; absent if the badge has an unexpected shape.
    #[serde(default, deserialize_with = "tolerant::identifier")]
    pub set_id: Option<String>,
}

/// The field that a chat message lacks (an empty value counts as absent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the notification has no {0}")]
pub struct MissingField(pub &'static str);

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Event {
    #[serde(default, deserialize_with = "tolerant::identifier")]
    broadcaster_user_id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    source_broadcaster_user_id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    chatter_user_id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    chatter_user_login: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    chatter_user_name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    message_id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::only_object")]
    message: Option<Message>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    badges: Vec<Badge>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Message {
    #[serde(default, deserialize_with = "tolerant::text")]
    text: Option<String>,
}

impl Envelope {
    /// Parses a body. It is an error if the body, or one of the objects read from it, is JSON of another kind. A field with
    /// another shape counts as absent, and unknown fields are skipped, however deeply they are nested.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        // If the body is text, its strings need no separate check. A body that is not text may still be valid, since skipped
        // parts are not examined.
        match std::str::from_utf8(body) {
            Ok(text) => Self::read(serde_json::Deserializer::from_str(text)),
            Err(_) => Self::read(serde_json::Deserializer::from_slice(body)),
        }
    }

    fn read<'de>(
        mut deserializer: serde_json::Deserializer<impl serde_json::de::Read<'de>>,
    ) -> serde_json::Result<Self> {
        let envelope = tolerant::only_object(&mut deserializer)?;
        deserializer.end()?;
        envelope.ok_or_else(|| serde_json::Error::custom("invalid type: null, expected an object"))
    }

    /// The subscription's type, if given.
    #[must_use]
    pub fn subscription_type(&self) -> Option<&str> {
        self.subscription.as_ref()?.kind.as_deref()
    }

    /// True if the message carries an event.
    #[must_use]
    pub fn has_event(&self) -> bool {
        self.event.is_some()
    }

    /// The event as a chat message. The caller checks the subscription's type.
    pub fn chat_message(self) -> Result<ChannelChatMessage, MissingField> {
        let event = self.event.ok_or(MissingField("event"))?;
        Ok(ChannelChatMessage {
            broadcaster_user_id: event.broadcaster_user_id,
            source_broadcaster_user_id: event.source_broadcaster_user_id,
            chatter_user_id: event.chatter_user_id.ok_or(MissingField("event.chatter_user_id"))?,
            chatter_user_login: event.chatter_user_login,
            chatter_user_name: event.chatter_user_name,
            message_id: event.message_id.ok_or(MissingField("event.message_id"))?,
            text: event.message.and_then(|message| message.text).ok_or(MissingField("event.message.text"))?,
            badges: event.badges,
        })
    }
}

impl ChannelChatMessage {
    /// The name to show: the display name, or else the login, or else the id.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.chatter_user_name.as_deref().or(self.chatter_user_login.as_deref()).unwrap_or(&self.chatter_user_id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chat_message(body: &str) -> Result<ChannelChatMessage, MissingField> {
        Envelope::parse(body.as_bytes()).unwrap().chat_message()
    }

    fn minimal() -> ChannelChatMessage {
        ChannelChatMessage {
            broadcaster_user_id: None,
            source_broadcaster_user_id: None,
            chatter_user_id: "7".to_owned(),
            chatter_user_login: None,
            chatter_user_name: None,
            message_id: "m".to_owned(),
            text: "!twgold Etoehero".to_owned(),
            badges: Vec::new(),
        }
    }

    #[test]
    fn four_fields_are_enough_and_nulls_and_odd_shapes_count_as_absent() {
        let bodies = [
            r#"{"event":{"message_id":"m","chatter_user_id":"7","message":{"text":"!twgold Etoehero"}}}"#,
            r#"{"challenge":null,"subscription":null,"event":{"message_id":"m","chatter_user_id":"7",
                "message":{"text":"!twgold Etoehero","fragments":[[[{}]]]},"badges":null,"chatter_user_name":null,
                "broadcaster_user_id":""}}"#,
            r#"{"challenge":5,"subscription":{"type":[1]},"event":{"message_id":"m","chatter_user_id":"7","cheer":1e3,
                "message":{"text":"!twgold Etoehero"},"badges":"subscriber","chatter_user_login":{"a":[]},
                "source_broadcaster_user_id":7,"chatter_user_name":true}}"#,
        ];
        for body in bodies {
            assert_eq!(chat_message(body), Ok(minimal()), "{body}");
        }
    }

    #[test]
    fn what_a_chat_message_lacks_is_named() {
        let lacks = |body| chat_message(body).unwrap_err().0;
        assert_eq!(lacks("{}"), "event");
        assert_eq!(lacks(r#"{"event":null}"#), "event");
        assert_eq!(lacks(r#"{"event":{}}"#), "event.chatter_user_id");
        assert_eq!(lacks(r#"{"event":{"chatter_user_id":"7","message_id":""}}"#), "event.message_id");
        assert_eq!(
            lacks(r#"{"event":{"chatter_user_id":"7","message_id":"m","message":{"text":[]}}}"#),
            "event.message.text"
        );
    }

    #[test]
    fn odd_badges_do_not_hide_the_good_ones() {
        let body = r#"{"event":{"message_id":"m","chatter_user_id":"7","message":{"text":""},
            "badges":[null,"subscriber",{"set_id":3},{"set_id":"founder","id":"0","info":{"deep":[[1]]}},[{}]]}}"#;
        let badges: Vec<_> = chat_message(body).unwrap().badges.into_iter().filter_map(|badge| badge.set_id).collect();
        assert_eq!(badges, ["founder"]);
    }

    #[test]
    fn the_display_name_falls_back_to_login_and_id() {
        let mut message = minimal();
        assert_eq!(message.display_name(), "7");
        message.chatter_user_login = Some("login".to_owned());
        assert_eq!(message.display_name(), "login");
        message.chatter_user_name = Some("Name".to_owned());
        assert_eq!(message.display_name(), "Name");
    }

    #[test]
    fn only_a_json_object_is_an_envelope() {
        for body in [" {} ", r#"{"challenge":[],"subscription":null,"event":null}"#] {
            assert_eq!(Envelope::parse(body.as_bytes()).unwrap(), Envelope::default(), "{body}");
        }
        for body in ["null", "true", "[]", "[{}]", "[\"c\", {}, {}]", "7", "-7", "7.5", "\"text\""] {
            let refusal = Envelope::parse(body.as_bytes()).unwrap_err().to_string();
            assert!(refusal.contains("expected an object"), "{body}: {refusal}");
        }
        for body in ["", "{", "{}{}", "nul", "[", "{\"challenge\":\"\\ud800\"}", "<xml/>"] {
            assert!(Envelope::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Envelope::parse(b"{\"challenge\":\"\xff\"}").is_err());
    }

    #[test]
    fn the_objects_within_are_objects_or_absent() {
        let places = [
            r#"{"subscription":VALUE}"#,
            r#"{"subscription":{"condition":VALUE}}"#,
            r#"{"event":VALUE}"#,
            r#"{"event":{"message":VALUE}}"#,
        ];
        for place in places {
            for value in ["{}", "null"] {
                let body = place.replace("VALUE", value);
                assert!(Envelope::parse(body.as_bytes()).is_ok(), "{body}");
            }
            for value in ["true", "[]", "[{}]", r#"["m","7"]"#, "7", "-7", "7.5", r#""CANARY""#] {
                let body = place.replace("VALUE", value);
                let refusal = Envelope::parse(body.as_bytes()).unwrap_err().to_string();
                assert!(refusal.contains("expected an object"), "{body}: {refusal}");
            }
        }
    }

    #[test]
    fn what_is_skipped_need_not_even_be_text() {
        let read = Envelope::parse(b"{\"new\":\"\xff\",\"challenge\":\"c\"}").unwrap();
        assert_eq!(read.challenge.as_deref(), Some("c"));
    }

    #[test]
    fn depth_costs_neither_the_stack_nor_the_rest_of_the_message() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let body = format!(
            r#"{{"new":{deep},"event":{{"message_id":"m","chatter_user_id":"7","badges":[{deep}],"odd":{deep},
                "chatter_user_name":{deep},"message":{{"text":"!twgold Etoehero","fragments":{deep}}}}}}}"#
        );
        assert_eq!(chat_message(&body), Ok(minimal()));
        assert!(Envelope::parse(deep.as_bytes()).is_err());
        assert!(Envelope::parse("[".repeat(1_000_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Envelope::parse(&bytes);
        }

        #[test]
        fn no_json_like_text_makes_it_panic(
            parts in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ":", ",", "null", "true", "1e9", "\"event\"", "\"message\"", "\"badges\"", "\"\"",
                "\"set_id\"", "\"subscription\"", "\"type\"", "\"text\"", "\"challenge\"", " ",
            ]), 0..40),
        ) {
            let _ = Envelope::parse(parts.concat().as_bytes());
        }
    }
}
