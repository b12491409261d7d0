//! Subscriptions that end because the world has changed
//! (<https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#revoking-your-subscription>).

use std::collections::HashMap;

use super::state::State;
use super::subscription::{ENABLED, Subscription};
use super::topics::{Topic, field, topic};

const USER_REMOVED: &str = "user_removed";
const BANNED: &str = "chat_user_banned";
const MODERATOR_REMOVED: &str = "moderator_removed";
const AUTHORIZATION_REVOKED: &str = "authorization_revoked";

/// The enabled subscriptions that may go on, and whether the reader of each moderates the chat.
#[derive(Debug)]
pub(crate) struct Entitled(HashMap<String, bool>);

impl State {
    /// The enabled subscriptions that may go on.
    pub(crate) fn entitled(&self) -> Entitled {
        let enabled = self.records.eventsub.iter().filter(|one| one.status == ENABLED && self.lack(one).is_none());
        Entitled(enabled.map(|one| (one.id.clone(), self.is_moderators(one))).collect())
    }

    /// Ends those of these subscriptions that may no longer go on; returns them.
    pub(crate) fn end_unentitled(&mut self, Entitled(before): &Entitled) -> Vec<Subscription> {
        let why = |one: &Subscription| {
            let was_moderators = *before.get(&one.id)?;
            let lack = self.lack(one)?;
            let is_demoted = lack == AUTHORIZATION_REVOKED && was_moderators && !self.is_moderators(one);
            Some((one.id.clone(), if is_demoted { MODERATOR_REMOVED } else { lack }))
        };
        let lacking: Vec<_> = self.records.eventsub.iter().filter_map(why).collect();
        let end = |(id, status): (String, &str)| self.settle(&id, ENABLED, status).cloned();
        lacking.into_iter().filter_map(end).collect()
    }

    /// Why a subscription may not go on.
    fn lack(&self, one: &Subscription) -> Option<&'static str> {
        let topic = topic(&one.kind, &one.version).filter(|_| self.strict)?;
        let mut users = topic.condition.iter().chain(topic.one_of).filter(|name| name.ends_with("user_id"));
        if users.any(|name| field(&one.condition, name).is_some_and(|id| self.user(id).is_none())) {
            return Some(USER_REMOVED);
        }
        if chat(topic, one).is_some_and(|(reader, broadcaster)| self.records.bans.has(&[broadcaster, reader])) {
            return Some(BANNED);
        }
        let is_authorized = match one.user() {
            Some(user) => {
                let mut scopes = topic.scopes.iter();
                scopes.len() == 0 || scopes.any(|scope| self.has_granted(&one.client_id, user, scope))
            }
            None => self.may_subscribe(&one.client_id, topic, &one.condition),
        };
        (!is_authorized).then_some(AUTHORIZATION_REVOKED)
    }

    /// Whether the reader of the chat moderates it.
    fn is_moderators(&self, one: &Subscription) -> bool {
        let chat = topic(&one.kind, &one.version).and_then(|topic| chat(topic, one));
        chat.is_some_and(|(reader, broadcaster)| self.moderates(reader, broadcaster))
    }
}

/// Who reads which chat.
fn chat<'a>(topic: &Topic, one: &'a Subscription) -> Option<(&'a str, &'a str)> {
    let chat = field(&one.condition, topic.by).zip(field(&one.condition, "broadcaster_user_id"));
    chat.filter(|_| topic.is_of_chat())
}
