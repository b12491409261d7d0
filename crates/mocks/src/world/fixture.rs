//! The state of the world at the start and after a reset: a TOML or JSON file.

use std::path::Path;

use mgm_settings::{Settings, Twitch};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::eventsub::Subscription;
use super::record::{Record, Secret, Table};

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
    pub eventsub: Vec<Subscription>,
}

/// Limits; 0 means unlimited. Those that Twitch does not publish are marked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The points per minute of a client, or of a client and a user.
    pub points_per_minute: u32,
    /// The maximum number of a sender's messages in `chat_window_seconds`.
    pub chat_messages: u32,
    /// The same for a sender who is the broadcaster or a moderator.
    pub chat_messages_of_moderators: u32,
    /// For how long messages count, in seconds.
    pub chat_window_seconds: u32,
    /// The answer to a message beyond that limit (not published).
    pub chat_excess: Excess,
    /// For how long the same text is a duplicate, in seconds (not published for Helix).
    pub duplicate_seconds: u32,
    /// The maximum total cost of a client's `EventSub` subscriptions.
    pub eventsub_total_cost: u32,
    /// The maximum number of `EventSub` subscriptions with the same type and condition.
    pub eventsub_same: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            points_per_minute: 800,
            chat_messages: 20,
            chat_messages_of_moderators: 100,
            chat_window_seconds: 30,
            chat_excess: Excess::Refused,
            duplicate_seconds: 30,
            eventsub_total_cost: 10_000,
            eventsub_same: 3,
        }
    }
}

impl Limits {
    /// Without the limits that time lifts.
    #[must_use]
    pub fn without_rates() -> Self {
        Self {
            points_per_minute: 0,
            chat_messages: 0,
            chat_messages_of_moderators: 0,
            duplicate_seconds: 0,
            ..Self::default()
        }
    }
}

/// The answer to a message beyond the limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// 429.
    Refused,
    /// 200 with `is_sent: false`.
    Dropped,
}

/// The client id of a grant to any client.
pub const ANY_CLIENT: &str = "*";

fn any_client() -> String {
    ANY_CLIENT.to_owned()
}

/// An application.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its client id.
    pub id: String,
    /// Its secret; if it is missing, any is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// Where users may be redirected to; if empty, anywhere.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

/// An account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Its id.
    pub id: String,
    /// Its login, by default its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub login: String,
    /// Its display name, by default its login.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// `admin`, `global_mod`, `staff` or nothing.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// `affiliate`, `partner` or nothing.
    #[serde(default)]
    pub broadcaster_type: String,
    /// Its description of itself.
    #[serde(default)]
    pub description: String,
    /// Its email address, shown if `user:read:email` was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When it was created, in RFC 3339.
    #[serde(default = "long_ago")]
    pub created_at: String,
}

fn long_ago() -> String {
    "2016-12-14T20:32:28Z".to_owned()
}

impl User {
    /// Its login.
    #[must_use]
    pub fn login(&self) -> &str {
        if self.login.is_empty() { &self.id } else { &self.login }
    }

    /// Its display name.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.display_name.is_empty() { self.login() } else { &self.display_name }
    }
}

/// The scopes that a user has granted to a client.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The client; `*`, the default, means any.
    #[serde(default = "any_client")]
    pub client_id: String,
    /// The user.
    pub user_id: String,
    /// The scopes.
    pub scopes: Vec<String>,
    /// Tokens that the client already has.
    #[serde(default)]
    pub tokens: Vec<GrantedToken>,
}

/// A token that a client has from the start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedToken {
    /// The access token, which calls carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Secret>,
    /// The refresh token, which renews it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// Its scopes, by default all that were granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The lifetime of the access token, in seconds; by default until it is revoked or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
}

/// A user's subscription to a channel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSubscription {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The subscriber's user id.
    pub user_id: String,
    /// The tier.
    #[serde(default)]
    pub tier: Tier,
    /// The user who gave it as a present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gifter_id: Option<String>,
}

/// The tier of a subscription.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub enum Tier {
    /// The first.
    #[default]
    #[serde(rename = "1000")]
    One,
    /// The second.
    #[serde(rename = "2000")]
    Two,
    /// The third.
    #[serde(rename = "3000")]
    Three,
}

impl Tier {
    /// How many of the channel's subscriber points it counts.
    #[must_use]
    pub const fn points(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 6,
        }
    }
}

/// A moderator of a channel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Moderator {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The moderator's user id.
    pub user_id: String,
}

/// A ban from a channel's chat.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The banned user's id.
    pub user_id: String,
    /// The reason.
    #[serde(default)]
    pub reason: String,
}

/// A user who is in a channel's chat.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Chatter {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The user's id.
    pub user_id: String,
}

/// The information about a channel.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channel {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// The broadcaster's language.
    pub broadcaster_language: String,
    /// The game's id.
    pub game_id: String,
    /// The game's name.
    pub game_name: String,
    /// The stream's title.
    pub title: String,
    /// The stream's delay, in seconds.
    pub delay: u32,
    /// The channel's tags.
    pub tags: Vec<String>,
    /// The content classification labels.
    pub content_classification_labels: Vec<String>,
    /// Whether it has a paid partnership.
    pub is_branded_content: bool,
}

/// The settings of a channel's chat.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches at Twitch, each by itself")]
pub struct ChatSettings {
    /// The channel's broadcaster id.
    pub broadcaster_id: String,
    /// Whether messages may contain only emotes.
    pub emote_mode: bool,
    /// Whether only followers may write.
    pub follower_mode: bool,
    /// For how many minutes they must have followed.
    pub follower_mode_duration: Option<u32>,
    /// Whether messages are delayed, except those of moderators.
    pub non_moderator_chat_delay: bool,
    /// The delay, in seconds.
    pub non_moderator_chat_delay_duration: Option<u32>,
    /// Whether senders must wait between messages.
    pub slow_mode: bool,
    /// How long senders must wait, in seconds.
    pub slow_mode_wait_time: Option<u32>,
    /// Whether only subscribers may write.
    pub subscriber_mode: bool,
    /// Whether messages must be unique.
    pub unique_chat_mode: bool,
}

/// An Extension.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Its client id.
    pub id: String,
    /// Its owner's user id, which its backend's tokens must name; if it is missing, they may name any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    /// The secret that signs tokens, in base64.
    pub secret: Secret,
}

macro_rules! records {
    ($($Type:ident in $table:ident, $name:literal by $($field:ident),+;)+) => { $(
        impl Record for $Type {
            const NAME: &str = $name;
            const KEY: &[&str] = &[$(stringify!($field)),+];

            fn key(&self) -> Vec<&str> {
                vec![$(&self.$field),+]
            }

            fn table(fixture: &mut Fixture) -> &mut Table<Self> {
                &mut fixture.$table
            }
        }
    )+ };
}

records! {
    Client in clients, "clients" by id;
    User in users, "users" by id;
    Grant in grants, "grants" by client_id, user_id;
    ChannelSubscription in subscriptions, "subscriptions" by broadcaster_id, user_id;
    Moderator in moderators, "moderators" by broadcaster_id, user_id;
    Ban in bans, "bans" by broadcaster_id, user_id;
    Chatter in chatters, "chatters" by broadcaster_id, user_id;
    Channel in channels, "channels" by broadcaster_id;
    ChatSettings in chat_settings, "chat_settings" by broadcaster_id;
    Extension in extensions, "extensions" by id;
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
