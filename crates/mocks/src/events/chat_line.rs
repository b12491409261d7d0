//! What somebody says in a chat.

use mgm_twitch::eventsub::Hostile;
use serde::Deserialize;

use super::badge::WantedBadge;
use super::fragments::Emote;

/// A message to say: the body of `POST /admin/chat`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatLine {
    /// The channel's broadcaster id.
    pub(crate) broadcaster_id: String,
    /// The chatter's user id.
    pub(crate) user_id: String,
    /// The text.
    pub(crate) text: String,
    /// The message's id, by default a new one.
    #[serde(default)]
    pub(crate) message_id: Option<String>,
    /// The chatter's badges, by default those of their role in the channel.
    #[serde(default)]
    pub(crate) badges: Option<Vec<WantedBadge>>,
    /// The colour of their name; empty if they never chose one.
    #[serde(default)]
    pub(crate) color: String,
    /// The emotes in the text.
    #[serde(default)]
    pub(crate) emotes: Vec<Emote>,
    /// How many bits are cheered, by default those of the cheermotes in the text.
    #[serde(default)]
    pub(crate) bits: Option<u32>,
    /// The id of the message to which it replies.
    #[serde(default)]
    pub(crate) reply_to: Option<String>,
    /// The type, by default `text`.
    #[serde(default)]
    pub(crate) message_type: Option<String>,
    /// The channel points reward that was redeemed with it.
    #[serde(default)]
    pub(crate) channel_points_custom_reward_id: Option<String>,
    /// The animation of the power-up that was used.
    #[serde(default)]
    pub(crate) channel_points_animation_id: Option<String>,
    /// In shared chat: the channel in which it was typed.
    #[serde(default)]
    pub(crate) source: Option<Source>,
    /// How its deliveries are hostile.
    #[serde(default)]
    pub(crate) hostile: Option<Hostile>,
}

/// Where a message of shared chat was typed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// The broadcaster id of that channel.
    pub(crate) broadcaster_id: String,
    /// The message's id there, by default a new one.
    #[serde(default)]
    pub(crate) message_id: Option<String>,
    /// The chatter's badges there, by default those of their role.
    #[serde(default)]
    pub(crate) badges: Option<Vec<WantedBadge>>,
    /// Whether it is shown only there.
    #[serde(default)]
    pub(crate) is_source_only: bool,
}
