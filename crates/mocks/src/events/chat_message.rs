//! The event of a chat message: every field that
//! <https://dev.twitch.tv/docs/eventsub/eventsub-reference/#channel-chat-message-event> lists, null or not.

use serde_json::{Value, json};

use super::badge::{self, Badge, WantedBadge};
use super::chat_line::{ChatLine, Source};
use super::fragments::{Fragment, fragments};
use super::heard::Heard;
use crate::world::{State, User};

/// The event of a message with this id. Only what the admin API says can cheer, since Helix sends no cheers.
pub(super) fn event(state: &State, line: &ChatLine, id: &str, parent: Option<&Heard>, can_cheer: bool) -> Value {
    let broadcaster = state.broadcaster(&line.broadcaster_id);
    let chatter = known(state, &line.user_id);
    let fragments = fragments(&line.text, &line.emotes, can_cheer, |login| state.user_by_login(login));
    let bits = line.bits.unwrap_or_else(|| fragments.iter().map(Fragment::bits).sum());
    let mut event = json!({
        "broadcaster_user_id": broadcaster.id,
        "broadcaster_user_login": broadcaster.login(),
        "broadcaster_user_name": broadcaster.name(),
        "chatter_user_id": chatter.id,
        "chatter_user_login": chatter.login(),
        "chatter_user_name": chatter.name(),
        "message_id": id,
        "message": {"text": line.text, "fragments": fragments.iter().map(Fragment::show).collect::<Vec<_>>()},
        "message_type": line.message_type.as_deref().unwrap_or("text"),
        "badges": badges(state, line.badges.as_deref(), &line.user_id, &line.broadcaster_id),
        "cheer": (bits > 0).then(|| json!({"bits": bits})),
        "color": line.color,
        "reply": parent.map(|parent| reply(state, parent)),
        "channel_points_custom_reward_id": line.channel_points_custom_reward_id,
        "channel_points_animation_id": line.channel_points_animation_id,
        "source_broadcaster_user_id": null,
        "source_broadcaster_user_login": null,
        "source_broadcaster_user_name": null,
        "source_message_id": null,
        "source_badges": null,
        "is_source_only": null,
    });
    if let Some(source) = &line.source {
        add_source(state, &mut event, source, &line.user_id);
    }
    event
}

fn add_source(state: &State, event: &mut Value, source: &Source, user: &str) {
    let channel = state.broadcaster(&source.broadcaster_id);
    let id = source.message_id.clone().unwrap_or_else(|| state.random.uuid().to_string());
    event["source_broadcaster_user_id"] = channel.id.as_str().into();
    event["source_broadcaster_user_login"] = channel.login().into();
    event["source_broadcaster_user_name"] = channel.name().into();
    event["source_message_id"] = id.into();
    event["source_badges"] = json!(badges(state, source.badges.as_deref(), user, &source.broadcaster_id));
    event["is_source_only"] = source.is_source_only.into();
}

fn badges(state: &State, wanted: Option<&[WantedBadge]>, user: &str, broadcaster: &str) -> Vec<Badge> {
    match wanted {
        Some(wanted) => wanted.iter().cloned().map(Badge::from).collect(),
        None => badge::of(state, user, broadcaster),
    }
}

fn reply(state: &State, parent: &Heard) -> Value {
    let (thread_id, thread_user) =
        parent.thread.clone().unwrap_or_else(|| (parent.message_id.clone(), parent.user_id.clone()));
    let (user, first) = (known(state, &parent.user_id), known(state, &thread_user));
    json!({
        "parent_message_id": parent.message_id,
        "parent_message_body": parent.text,
        "parent_user_id": user.id,
        "parent_user_login": user.login(),
        "parent_user_name": user.name(),
        "thread_message_id": thread_id,
        "thread_user_id": first.id,
        "thread_user_login": first.login(),
        "thread_user_name": first.name(),
    })
}

/// The user; one who is not listed is called by their id.
fn known(state: &State, id: &str) -> User {
    state.user(id).unwrap_or_else(|| User { id: id.to_owned(), ..User::default() })
}
