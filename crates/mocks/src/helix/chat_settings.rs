//! Get and Update Chat Settings (<https://dev.twitch.tv/docs/api/reference/#get-chat-settings>).

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::caller::Caller;
use crate::call::{Answer, Parameters, bad_request};
use crate::world::{ChatSettings, State};

/// The permitted minutes of following before a follower may write: at most three months.
const FOLLOWING: RangeInclusive<u32> = 0..=129_600;
/// The permitted seconds between messages.
const SLOW: RangeInclusive<u32> = 3..=120;
/// The permitted delays of messages, in seconds.
const DELAYS: [u32; 3] = [2, 4, 6];

fn of(state: &State, broadcaster: &str) -> ChatSettings {
    let stored = state.records.chat_settings.get(&[broadcaster]).cloned();
    stored.unwrap_or_else(|| ChatSettings { broadcaster_id: broadcaster.to_owned(), ..ChatSettings::default() })
}

pub(super) fn get(state: &mut State, caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    let broadcaster = parameters.one("broadcaster_id")?;
    // What only moderators see is omitted, unless the caller names a moderator.
    let moderator = parameters.get("moderator_id").filter(|_| caller.has("moderator:read:chat_settings"));
    if let Some(moderator) = moderator {
        caller.needs_moderator(state, moderator, broadcaster)?;
    }
    Ok(Answer::data(vec![row(&of(state, broadcaster), moderator)]))
}

pub(super) fn update(state: &mut State, caller: &Caller, parameters: &Parameters) -> Result<Answer, Answer> {
    caller.needs_user(&["moderator:manage:chat_settings"])?;
    let (broadcaster, moderator) = (parameters.one("broadcaster_id")?, parameters.one("moderator_id")?);
    caller.needs_moderator(state, moderator, broadcaster)?;
    let changed = change(of(state, broadcaster), parameters)?;
    let row = row(&changed, Some(moderator));
    state.records.chat_settings.put(changed);
    Ok(Answer::data(vec![row]))
}

/// Applies the parameters to the settings. A mode that is enabled without a duration gets the default one.
fn change(mut settings: ChatSettings, parameters: &Parameters) -> Result<ChatSettings, Answer> {
    for (name, mode) in [
        ("emote_mode", &mut settings.emote_mode),
        ("subscriber_mode", &mut settings.subscriber_mode),
        ("unique_chat_mode", &mut settings.unique_chat_mode),
    ] {
        *mode = parameters.flag(name)?.unwrap_or(*mode);
    }
    let ChatSettings { follower_mode, follower_mode_duration, slow_mode, slow_mode_wait_time, .. } = &mut settings;
    let is_delay = |seconds: u32| DELAYS.contains(&seconds);
    timed(
        parameters,
        ["follower_mode", "follower_mode_duration"],
        (follower_mode, follower_mode_duration),
        0,
        |minutes| FOLLOWING.contains(&minutes),
    )?;
    timed(parameters, ["slow_mode", "slow_mode_wait_time"], (slow_mode, slow_mode_wait_time), 30, |seconds| {
        SLOW.contains(&seconds)
    })?;
    let ChatSettings { non_moderator_chat_delay: delays, non_moderator_chat_delay_duration: by, .. } = &mut settings;
    timed(parameters, ["non_moderator_chat_delay", "non_moderator_chat_delay_duration"], (delays, by), 2, is_delay)?;
    Ok(settings)
}

/// Applies a mode that has a duration.
fn timed(
    parameters: &Parameters,
    [mode_name, length_name]: [&str; 2],
    (mode, length): (&mut bool, &mut Option<u32>),
    usual: u32,
    is_possible: impl Fn(u32) -> bool,
) -> Result<(), Answer> {
    *mode = parameters.flag(mode_name)?.unwrap_or(*mode);
    let wanted = parameters.number(length_name)?;
    match wanted {
        Some(_) if !*mode => {
            return Err(bad_request(&format!("{length_name} can only be set when {mode_name} is true")));
        }
        Some(wanted) if !is_possible(wanted) => {
            return Err(bad_request(&format!("The value of {length_name} is out of range")));
        }
        Some(_) | None => {}
    }
    *length = mode.then(|| wanted.or(*length).unwrap_or(usual));
    Ok(())
}

fn row(settings: &ChatSettings, moderator: Option<&str>) -> Value {
    let mut row = json!({
        "broadcaster_id": settings.broadcaster_id,
        "emote_mode": settings.emote_mode,
        "follower_mode": settings.follower_mode,
        "follower_mode_duration": settings.follower_mode_duration,
        "slow_mode": settings.slow_mode,
        "slow_mode_wait_time": settings.slow_mode_wait_time,
        "subscriber_mode": settings.subscriber_mode,
        "unique_chat_mode": settings.unique_chat_mode,
    });
    if let Some(moderator) = moderator {
        row["moderator_id"] = moderator.into();
        row["non_moderator_chat_delay"] = settings.non_moderator_chat_delay.into();
        row["non_moderator_chat_delay_duration"] = settings.non_moderator_chat_delay_duration.into();
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_has_a_length_while_it_is_on() {
        let on = ChatSettings { slow_mode: true, slow_mode_wait_time: Some(5), ..ChatSettings::default() };
        for (before, query, after) in [
            (ChatSettings::default(), "slow_mode=true", Some(30)),
            (ChatSettings::default(), "slow_mode=true&slow_mode_wait_time=120", Some(120)),
            (on.clone(), "emote_mode=true", Some(5)),
            (on.clone(), "slow_mode_wait_time=3", Some(3)),
            (on, "slow_mode=false", None),
        ] {
            let changed = change(before, &Parameters::of(Some(query), b"")).unwrap();
            assert_eq!(changed.slow_mode_wait_time, after, "{query}");
        }
        for query in [
            "slow_mode=true&slow_mode_wait_time=2",
            "slow_mode_wait_time=30",
            "slow_mode=perhaps",
            "follower_mode=true&follower_mode_duration=129601",
            "non_moderator_chat_delay=true&non_moderator_chat_delay_duration=3",
        ] {
            assert!(change(ChatSettings::default(), &Parameters::of(Some(query), b"")).is_err(), "{query}");
        }
    }
}
