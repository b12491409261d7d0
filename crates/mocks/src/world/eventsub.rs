//! EventSub subscriptions, and who may have them.

use std::collections::HashSet;

use serde_json::{Map, Value};
use time::Duration;

use super::limits::Limits;
use super::state::State;
use super::subscription::{ENABLED, FAILED, Subscription, Transport};
use super::topics::{Topic, field};

/// For how long a subscription is listed after its WebSocket was disconnected.
const LISTED: Duration = Duration::minutes(1);

/// How many subscriptions there can be, of all clients.
const CAPACITY: usize = 10_000;

/// Whose subscriptions: those by webhook belong to a client, those over WebSockets to a client and a user.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'a> {
    /// The rules are not enforced.
    Anybody,
    /// A client.
    Client(&'a str),
    /// A client and a user.
    User(&'a str, &'a str),
}

impl Owner<'_> {
    fn has(self, one: &Subscription) -> bool {
        match self {
            Self::Anybody => true,
            Self::Client(client) => one.client_id == client && one.user().is_none(),
            Self::User(client, user) => one.client_id == client && one.user() == Some(user),
        }
    }
}

/// Why a subscription was not created.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// It already exists, with this id.
    Exists(String),
    /// The maximum number of subscriptions with the same type and condition is reached.
    TooManyAlike,
    /// It would exceed the maximum total cost.
    TooCostly,
    /// Its WebSocket has the subscriptions of another user.
    OthersSession,
    /// The user has subscriptions on too many WebSockets.
    TooManySessions,
    /// Its WebSocket has too many subscriptions.
    SessionFull,
}

/// Whether a limit, which is none if it is 0, is reached.
fn is_reached(limit: u32, count: usize) -> bool {
    limit > 0 && count >= usize::try_from(limit).unwrap_or(usize::MAX)
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

    /// The total cost of the owner's subscriptions, and its maximum.
    pub(crate) fn total_cost(&self, owner: Owner<'_>) -> (u32, u32) {
        let Limits { eventsub_total_cost, websocket_total_cost, .. } = self.records.limits;
        let most = if matches!(owner, Owner::User(..)) { websocket_total_cost } else { eventsub_total_cost };
        (self.eventsub_of(owner).filter(|one| one.is_alive()).map(|one| one.cost).sum(), most)
    }

    /// The subscriptions of the owner.
    pub(crate) fn eventsub_of<'a>(&'a self, owner: Owner<'a>) -> impl Iterator<Item = &'a Subscription> {
        self.records.eventsub.iter().filter(move |one| owner.has(one))
    }

    /// The subscription with this id.
    pub(crate) fn eventsub(&self, id: &str) -> Option<&Subscription> {
        self.records.eventsub.iter().find(|one| one.id == id)
    }

    /// The enabled subscriptions to an event, whose condition has the given values wherever it has these names.
    pub(crate) fn subscribers(&self, kind: &str, version: &str, about: &Map<String, Value>) -> Vec<Subscription> {
        let concerns = |one: &Subscription| {
            about.iter().all(|(name, value)| {
                let wanted = one.condition.get(name).filter(|wanted| **wanted != "");
                wanted.is_none_or(|wanted| wanted == value)
            })
        };
        let all = self.records.eventsub.iter();
        all.filter(|one| one.status == ENABLED && one.kind == kind && one.version == version && concerns(one))
            .cloned()
            .collect()
    }

    /// Adds a subscription.
    pub(crate) fn subscribe(&mut self, wanted: Subscription) -> Result<(), Refused> {
        self.forget_disconnected();
        let same = || self.records.eventsub.iter().filter(|one| one.is_like(&wanted));
        if let Some(existing) = same().find(|one| one.leads_where(&wanted)) {
            return Err(Refused::Exists(existing.id.clone()));
        }
        if is_reached(self.records.limits.eventsub_same, same().count()) {
            return Err(Refused::TooManyAlike);
        }
        let owner = match wanted.user() {
            Some(user) => Owner::User(&wanted.client_id, user),
            None if self.strict => Owner::Client(&wanted.client_id),
            None => Owner::Anybody,
        };
        if let Some(session) = wanted.session() {
            self.check_session(session, owner)?;
        }
        let (total, most) = self.total_cost(owner);
        if self.records.eventsub.len() >= CAPACITY || (most > 0 && total + wanted.cost > most) {
            return Err(Refused::TooCostly);
        }
        self.records.eventsub.push(wanted);
        Ok(())
    }

    /// Whether the owner may subscribe to more on a WebSocket.
    fn check_session(&self, session: &str, owner: Owner<'_>) -> Result<(), Refused> {
        let enabled = || self.records.eventsub.iter().filter(|one| one.status == ENABLED);
        let here = || enabled().filter(|one| one.session() == Some(session));
        if here().any(|one| !owner.has(one)) {
            return Err(Refused::OthersSession);
        }
        let elsewhere: HashSet<_> = enabled().filter(|one| owner.has(one)).filter_map(Subscription::session).collect();
        let elsewhere = elsewhere.into_iter().filter(|other| *other != session).count();
        if is_reached(self.records.limits.websocket_connections, elsewhere) {
            return Err(Refused::TooManySessions);
        }
        if is_reached(self.records.limits.websocket_subscriptions, here().count()) {
            return Err(Refused::SessionFull);
        }
        Ok(())
    }

    /// Changes a subscription's status, if it still is `before`; returns the subscription if it was.
    pub(crate) fn settle(&mut self, id: &str, before: &str, after: &str) -> Option<&Subscription> {
        let found = self.records.eventsub.iter_mut().find(|one| one.id == id && one.status == before)?;
        after.clone_into(&mut found.status);
        Some(found)
    }

    /// A notification was accepted.
    pub(crate) fn notified(&mut self, id: &str) {
        if let Some(found) = self.records.eventsub.iter_mut().find(|one| one.id == id) {
            found.failures = 0;
        }
    }

    /// A notification was lost after its last attempt; returns the subscription if that ends it.
    pub(crate) fn lost(&mut self, id: &str) -> Option<Subscription> {
        let most = self.records.delivery.failures;
        let found = self.records.eventsub.iter_mut().find(|one| one.id == id && one.status == ENABLED)?;
        found.failures += 1;
        if most == 0 || found.failures < most {
            return None;
        }
        FAILED.clone_into(&mut found.status);
        Some(found.clone())
    }

    /// A WebSocket has ended.
    pub(crate) fn disconnected(&mut self, session: &str, status: &str) {
        let now = self.now;
        for one in &mut self.records.eventsub {
            if let Transport::WebSocket { session_id, disconnected_at, .. } = &mut one.transport
                && session_id == session
                && disconnected_at.is_none()
            {
                *disconnected_at = Some(now);
                if one.status == ENABLED {
                    status.clone_into(&mut one.status);
                }
            }
        }
    }

    /// Whether a WebSocket has an enabled subscription.
    pub(crate) fn uses(&self, session: &str) -> bool {
        self.records.eventsub.iter().any(|one| one.status == ENABLED && one.session() == Some(session))
    }

    /// Forgets the subscriptions of WebSockets that ended some time ago.
    pub(crate) fn forget_disconnected(&mut self) {
        let now = self.now;
        self.records.eventsub.retain(|one| match &one.transport {
            Transport::WebSocket { disconnected_at: Some(at), .. } => now - *at < LISTED,
            Transport::WebSocket { .. } | Transport::Webhook { .. } => true,
        });
    }
}
