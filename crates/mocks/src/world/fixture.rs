//! The state of the world at the start and after a reset: a TOML or JSON file.

use std::path::Path;

use mgm_settings::{Settings, Twitch};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::callbacks::Callbacks;
use super::delivery_rules::DeliveryRules;
use super::limits::Limits;
use super::records::{
    ANY_CLIENT, Ban, Channel, ChannelSubscription, ChatSettings, Chatter, Client, Extension, Grant, GrantedToken,
    Moderator, User, any_client, long_ago,
};
use super::secret::Secret;
use super::subscription::{self, Subscription};
use super::table::{Record, Table};

/// The initial state of a world.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fixture {
    /// Whether users who are not listed exist, with their id as their login.
    pub strangers: bool,
    /// Whether everybody subscribes to every channel, except users whose id starts with `nosub-`.
    pub everybody_subscribes: bool,
    /// The limits.
    pub limits: Limits,
    /// How messages are delivered.
    pub delivery: DeliveryRules,
    /// The origins of callbacks that are called elsewhere.
    pub callbacks: Callbacks,
    /// The applications. If none is listed, any client id and secret is accepted.
    pub clients: Table<Client>,
    /// The accounts.
    pub users: Table<User>,
    /// The scopes that users have granted to clients.
    pub grants: Table<Grant>,
    /// The subscriptions to channels.
    pub subscriptions: Table<ChannelSubscription>,
    /// The moderators of channels.
    pub moderators: Table<Moderator>,
    /// The users who may not write in a channel's chat.
    pub bans: Table<Ban>,
    /// The users in a channel's chat, in addition to those who have written.
    pub chatters: Table<Chatter>,
    /// The information about channels.
    pub channels: Table<Channel>,
    /// The settings of chats.
    pub chat_settings: Table<ChatSettings>,
    /// The Extensions.
    pub extensions: Table<Extension>,
    /// The EventSub subscriptions, oldest first.
    #[serde(serialize_with = "subscription::webhooks")]
    pub eventsub: Vec<Subscription>,
}

/// A kind of record that the world holds.
pub trait Stored: Record {
    /// The table that holds the records.
    fn table(fixture: &mut Fixture) -> &mut Table<Self>;
}

macro_rules! stored {
    ($($Type:ident in $table:ident;)+) => { $(
        impl Stored for $Type {
            fn table(fixture: &mut Fixture) -> &mut Table<Self> {
                &mut fixture.$table
            }
        }
    )+ };
}

stored! {
    Client in clients;
    User in users;
    Grant in grants;
    ChannelSubscription in subscriptions;
    Moderator in moderators;
    Ban in bans;
    Chatter in chatters;
    Channel in channels;
    ChatSettings in chat_settings;
    Extension in extensions;
}

/// Why a fixture cannot be used. Contains none of its values.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The file cannot be read.
    #[error("MockHelix__Fixture: {path} cannot be read: {source}")]
    Unreadable {
        /// The path of the file.
        path: String,
        /// The error.
        source: std::io::Error,
    },
    /// The file is not a valid fixture.
    #[error("MockHelix__Fixture: {path}: {message}")]
    Malformed {
        /// The path of the file.
        path: String,
        /// What is wrong, and where.
        message: String,
    },
}

impl Fixture {
    /// Reads a file: JSON if its name ends so, otherwise TOML.
    pub fn read(path: &Path) -> Result<Self, FixtureError> {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| FixtureError::Unreadable { path: name.clone(), source })?;
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let read = if is_json { Self::from_json(&text) } else { Self::from_toml(&text) };
        read.map_err(|message| FixtureError::Malformed { path: name, message })
    }

    /// Parses TOML; the error says what is wrong, and where.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let table: Map<String, Value> = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
            format!("line {line}: {}", error.message())
        })?;
        Self::from_json(&Value::Object(table).to_string())
    }

    /// Parses JSON; the error says what is wrong, and where.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let fixture: Self = mgm_api_types::json::from_slice(text.as_bytes()).map_err(|error| error.to_string())?;
        fixture.check()?;
        Ok(fixture)
    }

    /// Checks that everything that records refer to exists.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut clients = self.grants.iter().map(|grant| ("grants", grant.client_id.as_str()));
        if let Some((table, id)) = clients.find(|(_, id)| *id != ANY_CLIENT && !self.is_client(id)) {
            return Err(format!("{table}: there is no client {id}"));
        }
        for subscription in &self.eventsub {
            let Subscription { id, client_id, .. } = subscription;
            if !self.is_client(client_id) {
                return Err(format!("eventsub: {id}: there is no client {client_id}"));
            }
            if subscription.signing().is_none() {
                return Err(format!("eventsub: {id}: the secret has from 10 to 100 characters"));
            }
        }
        let gifters = self.subscriptions.iter().filter_map(|of| of.gifter_id.as_deref());
        let mut named = (self.grants.iter().map(|of| (Grant::NAME, of.user_id.as_str())))
            .chain(pairs(&self.subscriptions))
            .chain(gifters.map(|id| (ChannelSubscription::NAME, id)))
            .chain(pairs(&self.moderators))
            .chain(pairs(&self.bans))
            .chain(pairs(&self.chatters))
            .chain(pairs(&self.channels))
            .chain(pairs(&self.chat_settings));
        if let Some((table, id)) = named.find(|(_, id)| !self.strangers && !self.users.has(&[id])) {
            return Err(format!("{table}: there is no user {id}"));
        }
        for extension in self.extensions.iter() {
            mgm_twitch::extension_jwt::ExtensionKeys::parse(extension.secret.text())
                .map_err(|error| format!("extensions: {}: {error}", extension.id))?;
        }
        Ok(())
    }

    /// Whether this is an acceptable client id.
    #[must_use]
    pub fn is_client(&self, id: &str) -> bool {
        self.clients.is_empty() || self.clients.has(&[id])
    }

    /// A world of strangers, who all subscribe, without rate limits.
    #[must_use]
    pub fn of_strangers() -> Self {
        Self { strangers: true, everybody_subscribes: true, limits: Limits::without_rates(), ..Self::default() }
    }

    /// The world of the settings that the stand-in shares with the backend: one client and the broadcaster, who has
    /// granted it `MockHelix__BroadcasterScopes`. All other users are strangers.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        let Twitch { helix_client_id, helix_client_secret, .. } = &settings.twitch;
        let secret = |secret: &SecretString| Secret::from(secret.expose_secret());
        let client = helix_client_id.clone().map(|id| Client {
            id,
            secret: helix_client_secret.as_ref().map(secret),
            redirect_uris: vec![],
        });
        let broadcaster = settings.broadcaster().to_string();
        let token = GrantedToken {
            access_token: settings.twitch.broadcaster_access_token.as_ref().map(secret),
            refresh_token: settings.twitch.broadcaster_refresh_token.as_ref().map(secret),
            scopes: None,
            expires_in: None,
        };
        let grant = Grant {
            client_id: client.as_ref().map_or_else(any_client, |client| client.id.clone()),
            user_id: broadcaster.clone(),
            scopes: settings.mock_helix.broadcaster_scopes.clone(),
            tokens: vec![token],
        };
        let user = User {
            id: broadcaster,
            login: "streamer".to_owned(),
            display_name: "Streamer".to_owned(),
            created_at: long_ago(),
            ..User::default()
        };
        Self {
            clients: client.into_iter().collect(),
            users: [user].into_iter().collect(),
            grants: [grant].into_iter().collect(),
            ..Self::of_strangers()
        }
    }
}

/// The user ids that records name, for records whose ids are all users.
fn pairs<R: Record>(table: &Table<R>) -> impl Iterator<Item = (&'static str, &str)> {
    table.iter().flat_map(|record| record.key()).map(|id| (R::NAME, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Tier;

    #[test]
    fn what_is_wrong_with_a_fixture_is_named() {
        for (text, message) in [
            ("users = 5", "users: invalid type"),
            ("[[users]]\nid = \"1\"\ncolour = \"red\"", "users[0].colour: unknown field `colour`"),
            ("surprise = 1", "surprise: unknown field `surprise`"),
            ("[[users]]\nlogin = \"a\"", "users[0]: missing field `id`"),
            ("[[users]]\nid = \"1\"\n[[users]]\nid = \"1\"", "users: 1 is there twice"),
            ("[[bans]]\nbroadcaster_id = \"1\"\nuser_id = \"2\"", "bans: there is no user 1"),
            ("[[clients]]\nid = \"a\"\n[[grants]]\nclient_id = \"b\"\nuser_id = \"1\"\nscopes = []", "no client b"),
            ("[[extensions]]\nid = \"e\"\nsecret = \"not base64!\"", "extensions: e: "),
            (
                "[[eventsub]]\nid = \"s\"\nclient_id = \"a\"\ntype = \"t\"\nversion = \"1\"\ncondition = {}\ncallback = \"\"\nsecret = \"short\"",
                "eventsub: s: the secret",
            ),
            ("[limits]\npoints_per_minute = -1", "limits.points_per_minute: invalid value"),
            ("\nusers = [", "line 2: "),
        ] {
            let said = Fixture::from_toml(text).unwrap_err();
            assert!(said.contains(message), "{text}: {said}");
        }
    }

    #[test]
    fn a_fixture_reads_back_as_it_is_shown() {
        let text = r#"
            strangers = true
            [[clients]]
            id = "client"
            secret = "hush"
            [[grants]]
            client_id = "client"
            user_id = "1"
            scopes = ["user:bot"]
            tokens = [{ access_token = "a", refresh_token = "r", expires_in = 60 }]
            [[subscriptions]]
            broadcaster_id = "1"
            user_id = "2"
            tier = "3000"
        "#;
        let fixture = Fixture::from_toml(text).unwrap();
        let shown = serde_json::to_string(&fixture).unwrap();
        let again = Fixture::from_json(&shown).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), shown);
        assert_eq!(again.subscriptions.get(&["1", "2"]).unwrap().tier, Tier::Three);
        assert_eq!(again.limits, Limits::default());
        assert!(!format!("{again:?}").contains("hush"));
    }
}
