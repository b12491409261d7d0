//! The records of the world.

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::table::Record;

/// The client id of a grant to any client.
pub const ANY_CLIENT: &str = "*";

pub(super) fn any_client() -> String {
    ANY_CLIENT.to_owned()
}

/// An application.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its client id.
    pub id: String,
    /// Its secret; if it is missing, any is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// Where users may be redirected to; if empty, anywhere.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

/// An account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Its id.
    pub id: String,
    /// Its login, by default its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub login: String,
    /// Its display name, by default its login.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// `admin`, `global_mod`, `staff` or nothing.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// `affiliate`, `partner` or nothing.
    #[serde(default)]
    pub broadcaster_type: String,
    /// Its description of itself.
    #[serde(default)]
    pub description: String,
    /// Its email address, shown if `user:read:email` was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When it was created, in RFC 3339.
    #[serde(default = "long_ago")]
    pub created_at: String,
}

pub(super) fn long_ago() -> String {
    "2016-12-14T20:32:28Z".to_owned()
}

impl User {
    /// Its login.
    #[must_use]
    pub fn login(&self) -> &str {
        if self.login.is_empty() { &self.id } else { &self.login }
    }

    /// Its display name.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.display_name.is_empty() { self.login() } else { &self.display_name }
    }
}

/// The scopes that a user has granted to a client.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The client; `*`, the default, means any.
    #[serde(default = "any_client")]
    pub client_id: String,
    /// The user.
    pub user_id: String,
    /// The scopes.
    pub scopes: Vec<String>,
    /// Tokens that the client already has.
    #[serde(default)]
    pub tokens: Vec<GrantedToken>,
}

/// A token that a client has from the start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedToken {
    /// The access token, which calls carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Secret>,
    /// The refresh token, which renews it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// Its scopes, by default all that were granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The lifetime of the access token, in seconds; by default until it is revoked or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
}

/// A user's subscription to a channel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSubscription {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The subscriber's user id.
    pub user_id: String,
    /// The tier.
    #[serde(default)]
    pub tier: Tier,
    /// The user who gave it as a present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gifter_id: Option<String>,
}

/// The tier of a subscription.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub enum Tier {
    /// The first.
    #[default]
    #[serde(rename = "1000")]
    One,
    /// The second.
    #[serde(rename = "2000")]
    Two,
    /// The third.
    #[serde(rename = "3000")]
    Three,
}

impl Tier {
    /// How many of the channel's subscriber points it counts.
    #[must_use]
    pub const fn points(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 6,
        }
    }
}

/// A moderator of a channel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Moderator {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The moderator's user id.
    pub user_id: String,
}

/// A ban from a channel's chat.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The banned user's id.
    pub user_id: String,
    /// The reason.
    #[serde(default)]
    pub reason: String,
}

/// A user who is in a channel's chat.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Chatter {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The user's id.
    pub user_id: String,
}

/// The information about a channel.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channel {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The broadcaster's language.
    pub broadcaster_language: String,
    /// The game's id.
    pub game_id: String,
    /// The game's name.
    pub game_name: String,
    /// The stream's title.
    pub title: String,
    /// The stream's delay, in seconds.
    pub delay: u32,
    /// The channel's tags.
    pub tags: Vec<String>,
    /// The content classification labels.
    pub content_classification_labels: Vec<String>,
    /// Whether it has a paid partnership.
    pub is_branded_content: bool,
}

/// The settings of a channel's chat.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches at Twitch, each by itself")]
pub struct ChatSettings {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// Whether messages may contain only emotes.
    pub emote_mode: bool,
    /// Whether only followers may write.
    pub follower_mode: bool,
    /// For how many minutes they must have followed.
    pub follower_mode_duration: Option<u32>,
    /// Whether messages are delayed, except those of moderators.
    pub non_moderator_chat_delay: bool,
    /// The delay, in seconds.
    pub non_moderator_chat_delay_duration: Option<u32>,
    /// Whether senders must wait between messages.
    pub slow_mode: bool,
    /// How long senders must wait, in seconds.
    pub slow_mode_wait_time: Option<u32>,
    /// Whether only subscribers may write.
    pub subscriber_mode: bool,
    /// Whether messages must be unique.
    pub unique_chat_mode: bool,
}

/// An Extension.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Its client id.
    pub id: String,
    /// Its owner's user id, which its backend's tokens must name; if it is missing, they may name any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    /// The secret that signs tokens, in base64.
    pub secret: Secret,
}

macro_rules! records {
    ($($Type:ident, $name:literal by $($field:ident),+;)+) => { $(
        impl Record for $Type {
            const NAME: &str = $name;
            const KEY: &[&str] = &[$(stringify!($field)),+];

            fn key(&self) -> Vec<&str> {
                vec![$(&self.$field),+]
            }
        }
    )+ };
}

records! {
    Client, "clients" by id;
    User, "users" by id;
    Grant, "grants" by client_id, user_id;
    ChannelSubscription, "subscriptions" by broadcaster_id, user_id;
    Moderator, "moderators" by broadcaster_id, user_id;
    Ban, "bans" by broadcaster_id, user_id;
    Chatter, "chatters" by broadcaster_id, user_id;
    Channel, "channels" by broadcaster_id;
    ChatSettings, "chat_settings" by broadcaster_id;
    Extension, "extensions" by id;
}
