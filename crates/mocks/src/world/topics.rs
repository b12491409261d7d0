//! The types of EventSub subscriptions (<https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types/>): version,
//! condition, and whose authorisation each needs.

use serde_json::{Map, Value};

/// One version of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The required fields of the condition.
    pub(crate) condition: &'static [&'static str],
    /// Fields of which the condition must have exactly one, if any are listed.
    pub(crate) one_of: &'static [&'static str],
    /// The field of the condition that names the user whose grant is needed; empty: no grant is.
    pub(crate) by: &'static str,
    /// The scopes, of which any one suffices.
    pub(crate) scopes: &'static [&'static str],
}

const BROADCASTER: &[&str] = &["broadcaster_user_id"];
const MODERATED: &[&str] = &["broadcaster_user_id", "moderator_user_id"];
const READ: &[&str] = &["broadcaster_user_id", "user_id"];

const fn open(name: &'static str, condition: &'static [&'static str]) -> Topic {
    Topic { name, version: "1", condition, one_of: &[], by: "", scopes: &[] }
}

/// A type that the broadcaster must have granted.
const fn own(name: &'static str, scopes: &'static [&'static str]) -> Topic {
    Topic { by: "broadcaster_user_id", scopes, ..open(name, BROADCASTER) }
}

/// A type that a moderator must have granted.
const fn moderated(name: &'static str, version: &'static str, scopes: &'static [&'static str]) -> Topic {
    Topic { version, by: "moderator_user_id", scopes, ..open(name, MODERATED) }
}

/// A type that the reader of the chat must have granted.
const fn read(name: &'static str) -> Topic {
    Topic { by: "user_id", scopes: &["user:read:chat"], ..open(name, READ) }
}

const MODERATE: &[&str] = &["moderator:read:blocked_terms", "moderator:manage:blocked_terms"];
const AUTOMOD: &[&str] = &["moderator:manage:automod"];
const POLLS: &[&str] = &["channel:read:polls", "channel:manage:polls"];
const PREDICTIONS: &[&str] = &["channel:read:predictions", "channel:manage:predictions"];
const REDEMPTIONS: &[&str] = &["channel:read:redemptions", "channel:manage:redemptions"];
const SUBSCRIPTIONS: &[&str] = &["channel:read:subscriptions"];
const HYPE: &[&str] = &["channel:read:hype_train"];
const GOALS: &[&str] = &["channel:read:goals"];
const CHARITY: &[&str] = &["channel:read:charity"];
const SHIELD: &[&str] = &["moderator:read:shield_mode", "moderator:manage:shield_mode"];
const SHOUTOUTS: &[&str] = &["moderator:read:shoutouts", "moderator:manage:shoutouts"];
const WARNINGS: &[&str] = &["moderator:read:warnings", "moderator:manage:warnings"];
const UNBAN: &[&str] = &["moderator:read:unban_requests", "moderator:manage:unban_requests"];
const SUSPICIOUS: &[&str] = &["moderator:read:suspicious_users"];

const TOPICS: &[Topic] = &[
    moderated("automod.message.hold", "1", AUTOMOD),
    moderated("automod.message.hold", "2", AUTOMOD),
    moderated("automod.message.update", "1", AUTOMOD),
    moderated("automod.message.update", "2", AUTOMOD),
    moderated("automod.settings.update", "1", &["moderator:read:automod_settings"]),
    moderated("automod.terms.update", "1", AUTOMOD),
    own("channel.ad_break.begin", &["channel:read:ads"]),
    own("channel.ban", &["channel:moderate"]),
    own("channel.bits.use", &["bits:read"]),
    own("channel.channel_points_automatic_reward_redemption.add", REDEMPTIONS),
    Topic { version: "2", ..own("channel.channel_points_automatic_reward_redemption.add", REDEMPTIONS) },
    own("channel.channel_points_custom_reward.add", REDEMPTIONS),
    own("channel.channel_points_custom_reward.remove", REDEMPTIONS),
    own("channel.channel_points_custom_reward.update", REDEMPTIONS),
    own("channel.channel_points_custom_reward_redemption.add", REDEMPTIONS),
    own("channel.channel_points_custom_reward_redemption.update", REDEMPTIONS),
    own("channel.charity_campaign.donate", CHARITY),
    own("channel.charity_campaign.progress", CHARITY),
    own("channel.charity_campaign.start", CHARITY),
    own("channel.charity_campaign.stop", CHARITY),
    read("channel.chat.clear"),
    read("channel.chat.clear_user_messages"),
    read("channel.chat.message"),
    read("channel.chat.message_delete"),
    read("channel.chat.notification"),
    read("channel.chat.user_message_hold"),
    read("channel.chat.user_message_update"),
    read("channel.chat_settings.update"),
    own("channel.cheer", &["bits:read"]),
    moderated("channel.follow", "2", &["moderator:read:followers"]),
    own("channel.goal.begin", GOALS),
    own("channel.goal.end", GOALS),
    own("channel.goal.progress", GOALS),
    own("channel.guest_star_session.begin", &["channel:read:guest_star", "channel:manage:guest_star"]),
    own("channel.hype_train.begin", HYPE),
    own("channel.hype_train.end", HYPE),
    own("channel.hype_train.progress", HYPE),
    Topic { version: "2", ..own("channel.hype_train.begin", HYPE) },
    Topic { version: "2", ..own("channel.hype_train.end", HYPE) },
    Topic { version: "2", ..own("channel.hype_train.progress", HYPE) },
    moderated("channel.moderate", "1", MODERATE),
    moderated("channel.moderate", "2", MODERATE),
    own("channel.moderator.add", &["moderation:read"]),
    own("channel.moderator.remove", &["moderation:read"]),
    own("channel.poll.begin", POLLS),
    own("channel.poll.end", POLLS),
    own("channel.poll.progress", POLLS),
    own("channel.prediction.begin", PREDICTIONS),
    own("channel.prediction.end", PREDICTIONS),
    own("channel.prediction.lock", PREDICTIONS),
    own("channel.prediction.progress", PREDICTIONS),
    Topic { one_of: &["from_broadcaster_user_id", "to_broadcaster_user_id"], ..open("channel.raid", &[]) },
    open("channel.shared_chat.begin", BROADCASTER),
    open("channel.shared_chat.end", BROADCASTER),
    open("channel.shared_chat.update", BROADCASTER),
    moderated("channel.shield_mode.begin", "1", SHIELD),
    moderated("channel.shield_mode.end", "1", SHIELD),
    moderated("channel.shoutout.create", "1", SHOUTOUTS),
    moderated("channel.shoutout.receive", "1", SHOUTOUTS),
    own("channel.subscribe", SUBSCRIPTIONS),
    own("channel.subscription.end", SUBSCRIPTIONS),
    own("channel.subscription.gift", SUBSCRIPTIONS),
    own("channel.subscription.message", SUBSCRIPTIONS),
    moderated("channel.suspicious_user.message", "1", SUSPICIOUS),
    moderated("channel.suspicious_user.update", "1", SUSPICIOUS),
    own("channel.unban", &["channel:moderate"]),
    moderated("channel.unban_request.create", "1", UNBAN),
    moderated("channel.unban_request.resolve", "1", UNBAN),
    open("channel.update", BROADCASTER),
    Topic { version: "2", ..open("channel.update", BROADCASTER) },
    own("channel.vip.add", &["channel:read:vips", "channel:manage:vips"]),
    own("channel.vip.remove", &["channel:read:vips", "channel:manage:vips"]),
    moderated("channel.warning.acknowledge", "1", WARNINGS),
    moderated("channel.warning.send", "1", WARNINGS),
    open("conduit.shard.disabled", &["client_id"]),
    open("drop.entitlement.grant", &["organization_id"]),
    open("extension.bits_transaction.create", &["extension_client_id"]),
    open("stream.offline", BROADCASTER),
    open("stream.online", BROADCASTER),
    open("user.authorization.grant", &["client_id"]),
    open("user.authorization.revoke", &["client_id"]),
    Topic { by: "user_id", scopes: &["user:read:email"], ..open("user.update", &["user_id"]) },
    Topic {
        by: "user_id",
        scopes: &["user:read:whispers", "user:manage:whispers"],
        ..open("user.whisper.message", &["user_id"])
    },
];

/// Finds a type by name and version.
pub(crate) fn topic(name: &str, version: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name && topic.version == version)
}

/// A field of a condition.
pub(crate) fn field<'a>(condition: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    condition.get(name).and_then(Value::as_str).filter(|value| !value.is_empty())
}

impl Topic {
    /// Why a condition is incomplete, if it is.
    pub(crate) fn lacks(&self, condition: &Map<String, Value>) -> Option<String> {
        let missing = self.condition.iter().find(|name| field(condition, name).is_none());
        if let Some(name) = missing {
            return Some(format!("missing {name} in the condition"));
        }
        let given = self.one_of.iter().filter(|name| field(condition, name).is_some()).count();
        (!self.one_of.is_empty() && given != 1)
            .then(|| format!("the condition has to have one of {}", self.one_of.join(", ")))
    }

    /// Whether it concerns chat messages, which an app token reads for a user.
    pub(crate) fn is_of_chat(&self) -> bool {
        self.scopes == ["user:read:chat"]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn each_type_and_version_is_there_once_and_whoever_authorises_is_in_the_condition() {
        let mut seen = HashSet::new();
        for topic in TOPICS {
            assert!(seen.insert((topic.name, topic.version)), "{topic:?}");
            assert_eq!(topic.by.is_empty(), topic.scopes.is_empty(), "{topic:?}");
            assert!(topic.by.is_empty() || topic.condition.contains(&topic.by), "{topic:?}");
        }
    }

    #[test]
    fn a_condition_has_what_its_type_asks_for() {
        for (name, value, lacks) in [
            ("channel.chat.message", json!({"broadcaster_user_id": "1", "user_id": "2"}), None),
            ("channel.chat.message", json!({"broadcaster_user_id": "1"}), Some("missing user_id in the condition")),
            (
                "channel.chat.message",
                json!({"broadcaster_user_id": 1, "user_id": "2"}),
                Some("missing broadcaster_user_id in the condition"),
            ),
            ("channel.raid", json!({"to_broadcaster_user_id": "1"}), None),
            (
                "channel.raid",
                json!({}),
                Some("the condition has to have one of from_broadcaster_user_id, to_broadcaster_user_id"),
            ),
            ("stream.online", json!({"broadcaster_user_id": ""}), Some("missing broadcaster_user_id in the condition")),
        ] {
            let topic = topic(name, "1").unwrap();
            assert_eq!(topic.lacks(value.as_object().unwrap()).as_deref(), lacks, "{name}");
        }
        assert!(topic("channel.follow", "1").is_none() && topic("channel.follow", "2").is_some());
    }
}
