//! Every setting of every service: its type, its default, its name and its meaning.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use ipnet::IpNet;
use mgm_domain::BroadcasterId;
use mgm_domain::gift::TimeLimits;
use mgm_domain::roulette::Schedule;
use mgm_service::bind::BindUrls;
use mgm_service::connection_string::ConnectionString;
use mgm_service::log::LogFormat;
use mgm_twitch::eventsub::{CallbackUrl, SigningSecret, SigningSecrets};
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

/// Sections as `serde` reads them. Each field has its meaning, its name and type, its default, and the second half of its
/// variable's name, `<Section>__<Key>`; in the file that is `key` under `[section]`.
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
    /// What the process of any service is told.
    pub general: General in "Mgm" {
        /// `Development` or `Production`.
        environment: Environment = Environment::Production, "Environment";
        /// Addresses to listen on, separated by `;`; hosts `+`, `*`, `0.0.0.0` and `localhost` included. Not set: loopback
        /// and the component's own port.
        urls: Option<BindUrls> = None, "Urls";
        /// Where traces are exported to, by OTLP over HTTP: a collector's address without `/v1/traces`. Not set: they are
        /// not.
        otlp_endpoint: Option<Url> = None, "OtlpEndpoint";
    }

    /// Databases.
    pub connection_strings: ConnectionStrings in "ConnectionStrings" {
        /// The database: `Host=…;Port=…;Database=…;Username=…;Password=…`, or a `postgres://` URL. Of several hosts, with
        /// commas between, the primary is used.
        postgresql: Option<ConnectionString> = None, "PostgreSQL";
    }

    /// The project's own switches and keys.
    pub mgm: Mgm in "Mgm" {
        /// The key of the desktop program, sent in the header `X-MGM-ApiKey`.
        api_key: Option<SecretString> = None, "ApiKey";
        /// Accepted beside the key while it is being rotated.
        api_key_previous: Option<SecretString> = None, "ApiKeyPrevious";
        /// Origins allowed by CORS beside `https://<ExtensionClientId>.ext-twitch.tv`, separated by commas.
        allowed_origins: Vec<WebOrigin> = Vec::new(), "AllowedOrigins";
        /// Addresses or networks of the proxies whose `X-Forwarded-For` counts, separated by commas.
        trusted_proxies: Vec<IpNet> = Vec::new(), "TrustedProxies";
        /// Addresses of the metrics listener, separated by `;`. Not set: no metrics are served.
        metrics_urls: Option<BindUrls> = None, "MetricsUrls";
        /// How often the metrics look at the database, in seconds.
        metrics_refresh: Duration = seconds(15), "MetricsRefreshSeconds";
        /// Turns the route `POST /api/e2e/prepare-pending-payout` on (Development only).
        enable_e2e_harness: bool = false, "EnableE2eHarness";
        /// Lets claims and gift requests skip the subscription check at Helix (Development only).
        dev_skip_subscriber_check: bool = false, "DevSkipSubscriberCheck";
        /// How long the backend waits at its start for a database that is away, in seconds.
        database_wait_seconds: u32 = 30, "DatabaseWaitSeconds";
        /// How logs are written: `text` or `json`.
        log_format: LogFormat = LogFormat::Text, "LogFormat";
    }

    /// Twitch: secrets, credentials and identities.
    pub twitch: Twitch in "Twitch" {
        /// The HMAC secret of EventSub, 10 to 100 ASCII characters.
        event_sub_secret: Option<SigningSecret> = None, "EventSubSecret";
        /// Accepted beside the secret while it is being rotated.
        event_sub_secret_previous: Option<SigningSecret> = None, "EventSubSecretPrevious";
        /// Base64 of the key that signs Extension tokens. Several are separated by commas: all are accepted, the first signs.
        extension_secret: Option<ExtensionKeys> = None, "ExtensionSecret";
        /// The Extension's client id. When set, mock tokens carry it as `aud`, and a token's `aud`, where present, must be it.
        extension_client_id: Option<ExtensionClientId> = None, "ExtensionClientId";
        /// Root of the Helix service, without `/helix`. Not set: the production root.
        helix_api_base_url: Option<HelixBaseUrl> = None, "HelixApiBaseUrl";
        /// Root of the service that renews tokens, without `/oauth2`. Not set: the production root.
        oauth_base_url: Option<OAuthBaseUrl> = None, "OAuthBaseUrl";
        /// Where Twitch is to send notifications: the public address of `POST /api/twitch/eventsub`. When set, the backend
        /// looks after its subscription to chat itself; that needs the client id and secret, too.
        event_sub_callback_url: Option<CallbackUrl> = None, "EventSubCallbackUrl";
        /// The broadcaster's user id. When set, mock tokens carry it as `channel_id`. Not set: `dev-broadcaster` in
        /// Development.
        broadcaster_user_id: Option<BroadcasterId> = None, "BroadcasterUserId";
        /// The token that Helix calls carry, until it is renewed.
        broadcaster_access_token: Option<SecretString> = None, "BroadcasterAccessToken";
        /// The token that renews the access token. What Twitch gives out then is kept in the database.
        broadcaster_refresh_token: Option<SecretString> = None, "BroadcasterRefreshToken";
        /// The client id that Helix calls carry.
        helix_client_id: Option<String> = None, "HelixClientId";
        /// The client secret that belongs to the client id.
        helix_client_secret: Option<SecretString> = None, "HelixClientSecret";
        /// The badges that make a chatter a subscriber, separated by commas. Prime members who do not subscribe wear `premium` too.
        subscriber_badges: Vec<String> = words(&["subscriber", "founder", "premium"]),
            "SubscriberBadges";
    }

    /// The lengths of a roulette cycle, which make one [`Schedule`] together.
    pub(crate) lengths: Lengths in "Roulette" {
        /// Length of a cycle, in seconds.
        cycle: NonZeroU32 = at_least_one(300), "CycleSeconds";
        /// From the cycle's start to its draw, in seconds.
        collecting: u32 = 240, "CollectingSeconds";
        /// From the draw to the verification phase, in seconds.
        spinning: u32 = 30, "SpinningSeconds";
        /// From the cycle's end to the last moment its candidate can be verified, in seconds.
        grace: u32 = 30, "GraceSeconds";
    }

    /// The roulette.
    pub roulette: Roulette in "Roulette" {
        /// How often the roulette looks at the clock, in milliseconds.
        tick_milliseconds: NonZeroU64 = NonZeroU64::new(1000).unwrap_or(NonZeroU64::MIN), "TickMilliseconds";
    }

    /// Payouts that nobody finishes.
    pub payouts: Payouts in "Payouts" {
        /// Age at which an open payout expires, in seconds.
        expire_after: Duration = seconds(86_400), "ExpireAfterSeconds";
        /// How often open payouts are looked at, in seconds.
        sweep: Duration = seconds(3600), "SweepSeconds";
    }

    /// Announcements in chat.
    pub announcements: Announcements in "Announcements" {
        /// How often the outbox is looked at, in seconds. That is the fallback: the database tells when something is due.
        poll: Duration = seconds(5), "PollSeconds";
        /// How long after the time-out of its call to Helix an announcement stays with the process that sends it, in seconds;
        /// after that it is listed as `unknown`.
        lease_margin: Duration = seconds(30), "LeaseMarginSeconds";
    }

    /// Gift requests.
    pub gifts: Gifts in "Gifts" {
        /// Time to select the item, in seconds.
        select: Duration = seconds(60), "SelectSeconds";
        /// Time to confirm the item, in seconds.
        confirm: Duration = seconds(300), "ConfirmSeconds";
        /// How often time-outs and requests whose subscription is to be checked are looked at, in seconds.
        sweep: Duration = seconds(1), "SweepSeconds";
    }

    /// How many requests are answered; the rest are 429.
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
        /// Where the release notes are.
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
        /// Where SyntheticDesktop finds the backend.
        backend_base_url: Url = loopback(8080), "BackendBaseUrl";
    }

    /// Where the backend is.
    pub backend: Backend in "Backend" {
        /// Where MockEventSubWebhook forwards notifications to.
        base_url: Url = loopback(8080), "BaseUrl";
    }

    /// MockHelixApi.
    pub mock_helix: MockHelix in "MockHelix" {
        /// Holds callers to Twitch's rules: which token, with which scopes, of which user and client.
        strict_auth: bool = false, "StrictAuth";
        /// What the broadcaster has granted the client, separated by commas.
        broadcaster_scopes: Vec<String> = words(&[
            "channel:bot", "channel:read:subscriptions", "user:bot", "user:read:chat", "user:write:chat",
        ]), "BroadcasterScopes";
    }
}

impl ConnectionStrings {
    /// The database, where it is set and the files that it names can be used.
    pub fn database(&self) -> Result<&ConnectionString, Problem> {
        let key = "ConnectionStrings__PostgreSQL";
        let database = self.postgresql.as_ref().ok_or_else(|| Problem::of(key, " is not set"))?;
        database.check_files().map_err(|error| Problem::of(key, format_args!(": {error}")))?;
        Ok(database)
    }
}

impl Mgm {
    /// The desktop keys that are accepted.
    pub fn api_keys(&self) -> impl Iterator<Item = &SecretString> {
        self.api_key.iter().chain(&self.api_key_previous)
    }

    /// How long the backend waits at its start for a database that is away.
    #[must_use]
    pub fn database_wait(&self) -> Duration {
        Duration::from_secs(self.database_wait_seconds.into())
    }
}

impl Twitch {
    /// The EventSub secrets that are accepted; empty: signatures are not checked.
    #[must_use]
    pub fn signing_secrets(&self) -> SigningSecrets {
        self.event_sub_secret.iter().chain(&self.event_sub_secret_previous).collect()
    }
}

impl Roulette {
    /// How often the roulette looks at the clock.
    #[must_use]
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_milliseconds.get())
    }
}

impl Gifts {
    /// How long a request may take for each step.
    #[must_use]
    pub fn limits(&self) -> TimeLimits {
        TimeLimits { select: self.select, confirm: self.confirm }
    }
}

impl Settings {
    /// Puts together what several settings make, and says what does not go together.
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
