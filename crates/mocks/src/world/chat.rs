//! Chat messages, and the limits on them.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use super::limits::{Excess, Limits};
use super::state::State;

/// How many messages of one sender are remembered; no limit is higher.
const REMEMBERED: usize = 1000;

/// The outcome of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It is shown.
    Sent,
    /// It is accepted but not shown, for a reason: code and text.
    Dropped(&'static str, &'static str),
    /// It exceeds a limit.
    TooMany,
}

impl State {
    /// Sends a message.
    pub(crate) fn say(&mut self, sender: &str, broadcaster: &str, text: &str) -> Fate {
        let Limits { chat_excess, chat_window_seconds, duplicate_seconds, .. } = self.records.limits;
        let now = self.now;
        let within = |at: OffsetDateTime, seconds: u32| now - at < Duration::seconds(seconds.into());
        let limit = if self.moderates(sender, broadcaster) {
            self.records.limits.chat_messages_of_moderators
        } else {
            self.records.limits.chat_messages
        };
        if limit > 0 {
            let times = self.said.times.entry(sender.to_owned()).or_default();
            while times.front().is_some_and(|at| !within(*at, chat_window_seconds)) {
                times.pop_front();
            }
            if times.len() >= usize::try_from(limit).unwrap_or(usize::MAX).min(REMEMBERED) {
                return match chat_excess {
                    Excess::Refused => Fate::TooMany,
                    Excess::Dropped => Fate::Dropped("msg_ratelimit", "Your message was not sent: too many messages."),
                };
            }
            times.push_back(now);
        }
        let key = (sender.to_owned(), broadcaster.to_owned());
        if duplicate_seconds > 0 {
            let last = self.said.last.get(&key);
            if last.is_some_and(|(said, at)| said == text && within(*at, duplicate_seconds)) {
                return Fate::Dropped(
                    "msg_duplicate",
                    "Your message was not sent: it is identical to the previous one.",
                );
            }
            self.said.last.insert(key, (text.to_owned(), now));
        }
        self.enter_chat(sender, broadcaster);
        Fate::Sent
    }

    /// A user is in the chat of a channel from now on.
    pub(crate) fn enter_chat(&mut self, user: &str, broadcaster: &str) {
        if self.strict {
            self.said.chatters.insert((broadcaster.to_owned(), user.to_owned()));
        }
    }

    /// The users in a channel's chat, in the order of their ids.
    pub(crate) fn chatters(&self, broadcaster: &str) -> BTreeSet<&str> {
        let listed = self.records.chatters.iter().filter(|chatter| chatter.broadcaster_id == broadcaster);
        let said = self.said.chatters.iter().filter(|(channel, _)| channel == broadcaster);
        listed.map(|chatter| chatter.user_id.as_str()).chain(said.map(|(_, sender)| sender.as_str())).collect()
    }
}
