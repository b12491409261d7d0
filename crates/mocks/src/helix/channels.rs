//! Get Channel Information (<https://dev.twitch.tv/docs/api/reference/#get-channel-information>).

use serde_json::{Value, json};

use super::caller::Caller;
use crate::call::{Answer, Parameters, bad_request};
use crate::world::State;

pub(super) fn get(state: &mut State, _: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    let ids = parameters.many("broadcaster_id")?;
    if ids.is_empty() {
        return Err(bad_request("Missing required parameter \"broadcaster_id\""));
    }
    Ok(Answer::data(ids.into_iter().filter_map(|id| row(state, id)).collect()))
}

fn row(state: &State, id: &str) -> Option<Value> {
    let user = state.user(id)?;
    let channel = state.records.channels.get(&[id]).cloned().unwrap_or_default();
    let language = if channel.broadcaster_language.is_empty() { "en" } else { &channel.broadcaster_language };
    Some(json!({
        "broadcaster_id": user.id,
        "broadcaster_login": user.login(),
        "broadcaster_name": user.name(),
        "broadcaster_language": language,
        "game_id": channel.game_id,
        "game_name": channel.game_name,
        "title": channel.title,
        "delay": channel.delay,
        "tags": channel.tags,
        "content_classification_labels": channel.content_classification_labels,
        "is_branded_content": channel.is_branded_content,
    }))
}
