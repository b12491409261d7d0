//! EventSub subscriptions, and who may have them.

use serde_json::{Map, Value};

use super::limits::Limits;
use super::state::State;
use super::subscription::Subscription;
use super::topics::{Topic, field};

/// Why a subscription was not created.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// It already exists.
    Exists,
    /// The maximum number of subscriptions with the same type and condition is reached.
    TooManyAlike,
    /// It would exceed the maximum total cost.
    TooCostly,
}

impl State {
    /// Whether the users of a condition have granted the client what the topic needs.
    pub(crate) fn may_subscribe(&self, client: &str, topic: &Topic, condition: &Map<String, Value>) -> bool {
        let Some(by) = field(condition, topic.by) else { return true };
        let has_granted = |user: &str, scope: &str| self.has_granted(client, user, scope);
        if !topic.scopes.iter().any(|scope| has_granted(by, scope)) {
            return false;
        }
        let Some(broadcaster) = field(condition, "broadcaster_user_id").filter(|_| topic.is_of_chat()) else {
            return true;
        };
        has_granted(by, "user:bot") && (self.moderates(by, broadcaster) || has_granted(broadcaster, "channel:bot"))
    }

    /// The cost of a subscription: nothing if it needs or has a user's authorisation
    /// (<https://dev.twitch.tv/docs/eventsub/manage-subscriptions/#subscription-limits>).
    pub(crate) fn cost(&self, client: &str, topic: Option<&Topic>, condition: &Map<String, Value>) -> u32 {
        let Some(topic) = topic.filter(|topic| self.strict && topic.scopes.is_empty()) else { return 0 };
        let users = topic.condition.iter().chain(topic.one_of).filter_map(|name| field(condition, name));
        u32::from(!users.into_iter().any(|user| self.grant(client, user).is_some()))
    }

    /// The total cost of a client's subscriptions.
    pub(crate) fn total_cost(&self, client: &str) -> u32 {
        self.eventsub_of(client).filter(|one| one.is_alive()).map(|one| one.cost).sum()
    }

    /// The subscriptions of a client; of all clients, unless the rules are enforced.
    pub(crate) fn eventsub_of(&self, client: &str) -> impl Iterator<Item = &Subscription> {
        self.records.eventsub.iter().filter(move |one| !self.strict || one.client_id == client)
    }

    /// Adds a subscription.
    pub(crate) fn subscribe(&mut self, wanted: Subscription) -> Result<(), Refused> {
        let Limits { eventsub_same, eventsub_total_cost, .. } = self.records.limits;
        let same = || self.records.eventsub.iter().filter(|one| one.is_like(&wanted));
        if same().any(|one| one.callback == wanted.callback) {
            return Err(Refused::Exists);
        }
        let limit = usize::try_from(eventsub_same).unwrap_or(usize::MAX);
        if eventsub_same > 0 && same().count() >= limit {
            return Err(Refused::TooManyAlike);
        }
        let is_full =
            self.records.eventsub.len() >= usize::try_from(Limits::default().eventsub_total_cost).unwrap_or(usize::MAX);
        let total = self.total_cost(&wanted.client_id) + wanted.cost;
        if is_full || (eventsub_total_cost > 0 && total > eventsub_total_cost) {
            return Err(Refused::TooCostly);
        }
        self.records.eventsub.push(wanted);
        Ok(())
    }

    /// Changes a subscription's status, if it still is `before`.
    pub(crate) fn settle(&mut self, id: &str, before: &str, after: &str) {
        if let Some(subscription) = self.records.eventsub.iter_mut().find(|one| one.id == id && one.status == before) {
            after.clone_into(&mut subscription.status);
        }
    }
}
