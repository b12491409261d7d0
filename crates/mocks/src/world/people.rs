//! Users and clients, and what they may do.

use super::records::{ANY_CLIENT, ChannelSubscription, Client, Grant, Tier, User};
use super::state::State;

/// The prefix of user ids that subscribe nowhere, although everybody else does.
const NO_SUBSCRIBER: &str = "nosub-";

impl State {
    /// The user with this id.
    pub(crate) fn user(&self, id: &str) -> Option<User> {
        let stranger = || User { id: id.to_owned(), created_at: "2016-12-14T20:32:28Z".to_owned(), ..User::default() };
        self.records.users.get(&[id]).cloned().or_else(|| self.records.strangers.then(stranger))
    }

    /// The user with this login.
    pub(crate) fn user_by_login(&self, login: &str) -> Option<User> {
        let listed = self.records.users.iter().find(|user| user.login().eq_ignore_ascii_case(login));
        listed.cloned().or_else(|| self.user(login).filter(|user| !self.records.users.has(&[&user.id])))
    }

    /// The broadcaster with this id; a stranger is called Streamer.
    pub(crate) fn broadcaster(&self, id: &str) -> User {
        self.records.users.get(&[id]).cloned().unwrap_or_else(|| User {
            id: id.to_owned(),
            login: "streamer".to_owned(),
            display_name: "Streamer".to_owned(),
            ..User::default()
        })
    }

    /// The client, if it is listed.
    pub(crate) fn client(&self, id: &str) -> Option<&Client> {
        self.records.clients.get(&[id])
    }

    /// What a user has granted to a client.
    pub(crate) fn grant(&self, client: &str, user: &str) -> Option<&Grant> {
        self.records.grants.get(&[client, user]).or_else(|| self.records.grants.get(&[ANY_CLIENT, user]))
    }

    /// Whether a user has granted a scope to a client.
    pub(crate) fn has_granted(&self, client: &str, user: &str, scope: &str) -> bool {
        self.grant(client, user).is_some_and(|grant| grant.scopes.iter().any(|granted| granted == scope))
    }

    /// Whether a user is the broadcaster or a moderator of the channel.
    pub(crate) fn moderates(&self, user: &str, broadcaster: &str) -> bool {
        user == broadcaster || self.records.moderators.has(&[broadcaster, user])
    }

    /// The subscription of a user to a channel.
    pub(crate) fn subscription(&self, broadcaster: &str, user: &str) -> Option<ChannelSubscription> {
        let listed = self.records.subscriptions.get(&[broadcaster, user]).cloned();
        let subscribes = self.records.everybody_subscribes && !user.starts_with(NO_SUBSCRIBER);
        listed.or_else(|| {
            subscribes.then(|| ChannelSubscription {
                broadcaster_id: broadcaster.to_owned(),
                user_id: user.to_owned(),
                tier: Tier::One,
                gifter_id: None,
            })
        })
    }
}
