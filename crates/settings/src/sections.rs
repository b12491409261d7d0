//! Every setting of every service: its type, its default, its name and its meaning.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use mgm_domain::BroadcasterId;
use mgm_domain::gift::TimeLimits;
use mgm_domain::roulette::Schedule;
use mgm_service::bind::BindUrls;
use mgm_service::connection_string::ConnectionString;
use mgm_service::log::LogFormat;
use mgm_twitch::eventsub::{CallbackUrl, MappedCallback, SigningSecret, SigningSecrets};
use mgm_twitch::extension_jwt::ExtensionKeys;
use mgm_twitch::helix::{Credentials, HelixBaseUrl};
use mgm_twitch::oauth::OAuthBaseUrl;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::Problem;
use crate::key::{Key, Section};
use crate::origin::{ExtensionClientId, WebOrigin};
use crate::reader::Reader;
use crate::setting::{self, Environment};

/// Sections as `serde` reads them. Each field has its meaning, its name and type, its default, and the second part of its
/// variable's name, `<Section>__<Key>`; in the file it is `key` under `[section]`.
macro_rules! sections {
    ($(
        $(#[doc = $about:literal])+
        $visible:vis $section:ident: $Section:ident in $name:literal {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr, $key:literal; )+
        }
    )+) => {
        /// The configuration of the whole stack.
        #[derive(Clone, Debug, Default)]
        pub struct Settings {
            $( $(#[doc = $about])+ $visible $section: $Section, )+
            /// The lengths of a roulette cycle.
            pub schedule: Schedule,
        }

        impl Settings {
            pub(crate) fn read(reader: &mut Reader) -> Self {
                Self { $( $section: reader.section(), )+ schedule: Schedule::default() }
            }
        }

        /// All keys, in the order of the documentation.
        pub(crate) fn keys() -> impl Iterator<Item = &'static Key> {
            [$( $Section::KEYS ),+].into_iter().flatten()
        }

        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, Deserialize, Serialize)]
            #[serde(default)]
            pub struct $Section {
                $( $(#[doc = $doc])+ #[serde(rename = $key, with = "setting")] pub $field: $type, )+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $field: $default, )+ }
                }
            }

            impl Section for $Section {
                const KEYS: &[Key] = &[$( Key { variable: concat!($name, "__", $key), doc: &[$($doc),+] }, )+];
            }
        )+
    };
}

sections! {
    /// Settings for the process of any service.
    pub general: General in "Mgm" {
        /// `Development` or `Production`.
        environment: Environment = Environment::Production, "Environment";
        /// Addresses to listen on, separated by `;`; hosts `+`, `*`, `0.0.0.0` and `localhost` included. Not set: loopback
        /// and the component's own port.
        urls: Option<BindUrls> = None, "Urls";
        /// Where to export traces by OTLP over HTTP: a collector's address without `/v1/traces`. Not set: traces are not
        /// exported.
        otlp_endpoint: Option<Url> = None, "OtlpEndpoint";
    }

    /// Databases.
    pub connection_strings: ConnectionStrings in "ConnectionStrings" {
        /// The database: `Host=…;Port=…;Database=…;Username=…;Password=…`, or a `postgres://` URL. Of several hosts, separated
        /// by commas, the primary is used.
        postgresql: Option<ConnectionString> = None, "PostgreSQL";
    }

    /// The project's own switches and keys.
    pub mgm: Mgm in "Mgm" {
        /// The key of the desktop program, sent in the header `X-MGM-ApiKey`.
        api_key: Option<SecretString> = None, "ApiKey";
        /// The previous desktop key, also accepted while the key is being rotated.
        api_key_previous: Option<SecretString> = None, "ApiKeyPrevious";
        /// Origins allowed by CORS beside `https://<ExtensionClientId>.ext-twitch.tv`, separated by commas.
        allowed_origins: Vec<WebOrigin> = Vec::new(), "AllowedOrigins";
        /// Addresses or networks of the proxies whose `X-Forwarded-For` counts, separated by commas.
        trusted_proxies: Vec<IpNet> = Vec::new(), "TrustedProxies";
        /// Addresses of the metrics listener, separated by `;`. Not set: no metrics are served.
        metrics_urls: Option<BindUrls> = None, "MetricsUrls";
        /// How often the metrics are refreshed from the database, in seconds.
        metrics_refresh: Duration = seconds(15), "MetricsRefreshSeconds";
        /// Enables the route `POST /api/e2e/prepare-pending-payout` (Development only).
        enable_e2e_harness: bool = false, "EnableE2eHarness";
        /// Lets claims and gift requests skip the subscriber check at Helix (Development only).
        dev_skip_subscriber_check: bool = false, "DevSkipSubscriberCheck";
        /// How long the backend waits at start for a database that is away, in seconds.
        database_wait_seconds: u32 = 30, "DatabaseWaitSeconds";
        /// The format of logs: `text` or `json`.
        log_format: LogFormat = LogFormat::Text, "LogFormat";
    }

    /// Twitch: secrets, credentials and identities.
    pub twitch: Twitch in "Twitch" {
        /// The HMAC secret of EventSub, 10 to 100 ASCII characters.
        event_sub_secret: Option<SigningSecret> = None, "EventSubSecret";
        /// The previous EventSub secret, also accepted while the secret is being rotated.
        event_sub_secret_previous: Option<SigningSecret> = None, "EventSubSecretPrevious";
        /// Base64 of the key that signs Extension tokens. Several are separated by commas: all are accepted, the first signs.
        extension_secret: Option<ExtensionKeys> = None, "ExtensionSecret";
        /// The Extension's client id. When set, mock tokens carry it as `aud`, and a token's `aud`, if present, must equal it.
        extension_client_id: Option<ExtensionClientId> = None, "ExtensionClientId";
        /// Root of the Helix service, without `/helix`. Not set: the production root.
        helix_api_base_url: Option<HelixBaseUrl> = None, "HelixApiBaseUrl";
        /// Root of the service that renews tokens, without `/oauth2`. Not set: the production root.
        oauth_base_url: Option<OAuthBaseUrl> = None, "OAuthBaseUrl";
        /// Where Twitch sends notifications: the public address of `POST /api/twitch/eventsub`. When set, the backend manages its
        /// chat subscription itself; that also needs the client id and secret.
        event_sub_callback_url: Option<CallbackUrl> = None, "EventSubCallbackUrl";
        /// The broadcaster's user id. When set, mock tokens carry it as `channel_id`. Not set: `dev-broadcaster` in
        /// Development.
        broadcaster_user_id: Option<BroadcasterId> = None, "BroadcasterUserId";
        /// The access token for Helix calls, until it is renewed.
        broadcaster_access_token: Option<SecretString> = None, "BroadcasterAccessToken";
        /// The token that renews the access token. Renewed tokens are kept in the database.
        broadcaster_refresh_token: Option<SecretString> = None, "BroadcasterRefreshToken";
        /// The client id for Helix calls.
        helix_client_id: Option<String> = None, "HelixClientId";
        /// The client secret that belongs to the client id.
        helix_client_secret: Option<SecretString> = None, "HelixClientSecret";
        /// The badges that mark a chatter as a subscriber, separated by commas. Prime members who do not subscribe also wear `premium`.
        subscriber_badges: Vec<String> = words(&["subscriber", "founder", "premium"]),
            "SubscriberBadges";
    }

    /// The lengths of a roulette cycle, which together form one [`Schedule`].
    pub(crate) lengths: Lengths in "Roulette" {
        /// Length of a cycle, in seconds.
        cycle: NonZeroU32 = at_least_one(300), "CycleSeconds";
        /// From the cycle's start to its draw, in seconds.
        collecting: u32 = 240, "CollectingSeconds";
        /// From the draw to the verification phase, in seconds.
        spinning: u32 = 30, "SpinningSeconds";
        /// From the cycle's end to the last moment at which its candidate can be verified, in seconds.
        grace: u32 = 30, "GraceSeconds";
    }

    /// The roulette.
    pub roulette: Roulette in "Roulette" {
        /// How often the roulette checks the clock, in milliseconds.
        tick_milliseconds: NonZeroU64 = NonZeroU64::new(1000).unwrap_or(NonZeroU64::MIN), "TickMilliseconds";
    }

    /// Payouts that nobody finishes.
    pub payouts: Payouts in "Payouts" {
        /// Age at which an open payout expires, in seconds.
        expire_after: Duration = seconds(86_400), "ExpireAfterSeconds";
        /// How often open payouts are checked, in seconds.
        sweep: Duration = seconds(3600), "SweepSeconds";
    }

    /// Announcements in chat.
    pub announcements: Announcements in "Announcements" {
        /// How often the outbox is polled, in seconds. This is the fallback: the database notifies when something is due.
        poll: Duration = seconds(5), "PollSeconds";
        /// How long after the time-out of its call to Helix an announcement still belongs to the process that sends it, in
        /// seconds; after that it is listed as `unknown`.
        lease_margin: Duration = seconds(30), "LeaseMarginSeconds";
    }

    /// Gift requests.
    pub gifts: Gifts in "Gifts" {
        /// Time to select the item, in seconds.
        select: Duration = seconds(60), "SelectSeconds";
        /// Time to confirm the item, in seconds.
        confirm: Duration = seconds(300), "ConfirmSeconds";
        /// How often to look for time-outs and for viewers whose subscription to the channel is unchecked, in seconds.
        sweep: Duration = seconds(1), "SweepSeconds";
    }

    /// How many requests are answered; the rest get 429.
    pub rate_limits: RateLimits in "RateLimits" {
        /// Writes of one viewer in a minute.
        viewer_writes_per_minute: NonZeroU32 = at_least_one(5), "ViewerWritesPerMinute";
        /// Reads of one viewer in a minute.
        viewer_reads_per_minute: NonZeroU32 = at_least_one(300), "ViewerReadsPerMinute";
        /// Refused and open requests of one address in a minute.
        address_per_minute: NonZeroU32 = at_least_one(60), "AddressPerMinute";
    }

    /// Calls to Helix.
    pub helix: Helix in "Helix" {
        /// Time-out of one call, in seconds.
        timeout: Duration = seconds(10), "TimeoutSeconds";
    }

    /// What `GET /api/version` answers.
    pub version: Version in "Version" {
        /// The version. Not set: the build's.
        current_version: Option<String> = None, "CurrentVersion";
        /// The URL of the release notes.
        release_notes_url: Option<String> = None, "ReleaseNotesUrl";
        /// The oldest desktop program that may be used.
        minimum_desktop_version: Option<String> = None, "MinimumDesktopVersion";
        /// The oldest game addon that may be used.
        minimum_addon_version: Option<String> = None, "MinimumAddonVersion";
        /// The oldest Extension that may be used.
        minimum_extension_version: Option<String> = None, "MinimumExtensionVersion";
    }

    /// SyntheticDesktop.
    pub synthetic_desktop: SyntheticDesktop in "SyntheticDesktop" {
        /// The address of the backend for SyntheticDesktop.
        backend_base_url: Url = loopback(8080), "BackendBaseUrl";
    }

    /// The address of the backend for MockEventSubWebhook.
    pub backend: Backend in "Backend" {
        /// Where MockEventSubWebhook forwards notifications.
        base_url: Url = loopback(8080), "BaseUrl";
    }

    /// MockHelixApi.
    pub mock_helix: MockHelix in "MockHelix" {
        /// A TOML or JSON file with clients, users, grants and limits (docs/mocks.md). Twitch's rules are enforced. Not set:
        /// the client and the broadcaster of the other settings.
        fixture: Option<PathBuf> = None, "Fixture";
        /// Enforces Twitch's rules without a fixture, too: which token, with which scopes, of which user and client.
        strict_auth: bool = false, "StrictAuth";
        /// The scopes that the broadcaster has granted the client, separated by commas.
        broadcaster_scopes: Vec<String> = words(&[
            "channel:bot", "channel:read:subscriptions", "user:bot", "user:read:chat", "user:write:chat",
        ]), "BroadcasterScopes";
        /// Origins of callbacks, each with the origin that is called instead (FROM=TO), separated by commas (docs/mocks.md).
        callbacks: Vec<MappedCallback> = vec![], "Callbacks";
    }
}

impl ConnectionStrings {
    /// The database, if it is set and the files that it names are usable.
    pub fn database(&self) -> Result<&ConnectionString, Problem> {
        let key = "ConnectionStrings__PostgreSQL";
        let database = self.postgresql.as_ref().ok_or_else(|| Problem::of(key, " is not set"))?;
        database.check_files().map_err(|error| Problem::of(key, format_args!(": {error}")))?;
        Ok(database)
    }
}

impl Mgm {
    /// The desktop program's keys that are accepted.
    pub fn api_keys(&self) -> impl Iterator<Item = &SecretString> {
        self.api_key.iter().chain(&self.api_key_previous)
    }

    /// How long the backend waits at start for a database that is away.
    #[must_use]
    pub fn database_wait(&self) -> Duration {
        Duration::from_secs(self.database_wait_seconds.into())
    }
}

impl Twitch {
    /// The EventSub secrets that are accepted; if there are none, signatures are not checked.
    #[must_use]
    pub fn signing_secrets(&self) -> SigningSecrets {
        self.event_sub_secret.iter().chain(&self.event_sub_secret_previous).collect()
    }
}

impl Roulette {
    /// How often the roulette checks the clock.
    #[must_use]
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_milliseconds.get())
    }
}

impl Gifts {
    /// How long each step of a request may take.
    #[must_use]
    pub fn limits(&self) -> TimeLimits {
        TimeLimits { select: self.select, confirm: self.confirm }
    }
}

impl Settings {
    /// Builds what depends on several settings, and returns the conflicts between them.
    pub(crate) fn compose(&mut self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let Lengths { cycle, collecting, spinning, grace } = self.lengths;
        match Schedule::new(cycle.get(), collecting, spinning, grace) {
            Ok(schedule) => self.schedule = schedule,
            Err(error) => problems.push(Problem::of("Roulette__CycleSeconds", format_args!(": {error}"))),
        }
        let Twitch { helix_client_id, broadcaster_access_token, .. } = &self.twitch;
        let credentials = helix_client_id.as_ref().zip(broadcaster_access_token.as_ref());
        if let Some(Err(error)) = credentials.map(|(id, token)| Credentials::new(id, token)) {
            problems.push(Problem::of("Twitch__HelixClientId", format_args!(": {error}")));
        }
        problems
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// `http://127.0.0.1:<port>/`.
fn loopback(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("a loopback URL with a port is well formed")
}
