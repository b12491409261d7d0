//! The configuration of every service: built-in defaults, then an optional TOML file, then environment variables.
//!
//! One environment and one file serve all services, so every service loads the whole [`Settings`] and a key is unknown
//! only when no service knows it. The table below is the one place where a key, its type, its default and its meaning
//! are written down; structs, parsing, the check for unknown keys and the descriptions all come from it.
//!
//! * A variable is named `<Section>__<Key>`, without regard to case: `Mgm__ApiKey` is `MGM__APIKEY`.
//! * `<Section>__<Key>__File` names a file that holds the value, as orchestrators and systemd hand secrets out.
//! * In the file the same key is `api_key` under `[mgm]`; case and underscores do not matter there either.
//! * Lists are separated by commas in a variable, and arrays (or the same text) in the file.
//! * An empty value counts as not set.

mod error;
mod layers;
mod origin;
mod validate;
mod value;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::bind::BindUrls;
use layers::{Key, Reader};

pub use error::{Problem, SettingsError};
pub use layers::{Origin, Row, Sources};
pub use origin::{NoOrigin, WebOrigin};
pub use value::{Environment, LogFormat};

macro_rules! settings {
    (
        general {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr,
               $variable:literal or $fallback:literal, $file:literal; )+
        }
        $(
            $(#[doc = $section_doc:literal])+
            $section:ident: $Section:ident, $prefix:literal {
                $( $(#[doc = $key_doc:literal])+ $key:ident: $key_type:ty = $key_default:expr, $name:literal; )+
            }
        )+
    ) => {
        /// The configuration of the whole stack.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $( $(#[doc = $doc])+ pub $field: $type, )+
            $( $(#[doc = $section_doc])+ pub $section: $Section, )+
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug)]
            pub struct $Section {
                $( $(#[doc = $key_doc])+ pub $key: $key_type, )+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $key: $key_default, )+ }
                }
            }
        )+

        impl Default for Settings {
            fn default() -> Self {
                Self { $( $field: $default, )+ $( $section: $Section::default(), )+ }
            }
        }

        const KEYS: &[Key] = &[
            $( Key { variable: $variable, fallback: Some($fallback), file: $file, doc: &[$($doc),+] }, )+
            $( $( Key {
                variable: concat!($prefix, "__", $name),
                fallback: None,
                file: concat!(stringify!($section), ".", stringify!($key)),
                doc: &[$($key_doc),+],
            }, )+ )+
        ];

        impl Settings {
            /// Takes the keys in the order of [`KEYS`].
            fn read(reader: &mut Reader) -> Self {
                Self {
                    $( $field: reader.take($default), )+
                    $( $section: $Section { $( $key: reader.take($key_default), )+ }, )+
                }
            }
        }
    };
}

settings! {
    general {
        /// `Development` or `Production`.
        environment: Environment = Environment::Production,
            "Mgm__Environment" or "ASPNETCORE_ENVIRONMENT", "mgm.environment";
        /// Addresses to listen on, separated by `;`; hosts `+`, `*`, `0.0.0.0` and `localhost` included. Not set: loopback
        /// and the component's own port.
        urls: Option<BindUrls> = None, "Mgm__Urls" or "ASPNETCORE_URLS", "mgm.urls";
        /// Where traces are exported to, by OTLP over HTTP: a collector's address without `/v1/traces`. Not set: they are
        /// not.
        otlp_endpoint: Option<Url> = None, "Mgm__OtlpEndpoint" or "OTEL_EXPORTER_OTLP_ENDPOINT", "mgm.otlp_endpoint";
    }

    /// Databases.
    connection_strings: ConnectionStrings, "ConnectionStrings" {
        /// The database: `Host=…;Port=…;Database=…;Username=…;Password=…`, or a `postgres://` URL. Of several hosts, with
        /// commas between, the primary is used.
        postgresql: Option<SecretString> = None, "PostgreSQL";
    }

    /// The project's own switches and keys.
    mgm: Mgm, "Mgm" {
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
        metrics_refresh_seconds: u32 = 15, "MetricsRefreshSeconds";
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
    twitch: Twitch, "Twitch" {
        /// The HMAC secret of EventSub, 10 to 100 ASCII characters.
        event_sub_secret: Option<SecretString> = None, "EventSubSecret";
        /// Accepted beside the secret while it is being rotated.
        event_sub_secret_previous: Option<SecretString> = None, "EventSubSecretPrevious";
        /// Base64 of the key that signs Extension tokens. Several are separated by commas: all are accepted, the first signs.
        extension_secret: Option<SecretString> = None, "ExtensionSecret";
        /// The Extension's client id. When set, mock tokens carry it as `aud`, and a token's `aud`, where present, must be it.
        extension_client_id: Option<String> = None, "ExtensionClientId";
        /// Root of the Helix service, without `/helix`. Not set: the production root.
        helix_api_base_url: Option<Url> = None, "HelixApiBaseUrl";
        /// Root of the service that renews tokens, without `/oauth2`. Not set: the production root.
        oauth_base_url: Option<Url> = None, "OAuthBaseUrl";
        /// Where Twitch is to send notifications: the public address of `POST /api/twitch/eventsub`. When set, the backend
        /// looks after its subscription to chat itself; that needs the client id and secret, too.
        event_sub_callback_url: Option<Url> = None, "EventSubCallbackUrl";
        /// The broadcaster's user id. When set, mock tokens carry it as `channel_id`. Not set: `dev-broadcaster` in
        /// Development.
        broadcaster_user_id: Option<String> = None, "BroadcasterUserId";
        /// The token that Helix calls carry, until it is renewed.
        broadcaster_access_token: Option<SecretString> = None, "BroadcasterAccessToken";
        /// The token that renews the access token. What Twitch gives out then is kept in the database.
        broadcaster_refresh_token: Option<SecretString> = None, "BroadcasterRefreshToken";
        /// The client id that Helix calls carry.
        helix_client_id: Option<String> = None, "HelixClientId";
        /// The client secret that belongs to the client id.
        helix_client_secret: Option<SecretString> = None, "HelixClientSecret";
        /// The badges that make a chatter a subscriber, separated by commas. Prime members who do not subscribe wear `premium` too.
        subscriber_badges: Vec<String> = ["subscriber", "founder", "premium"].map(String::from).to_vec(), "SubscriberBadges";
    }

    /// The lengths of a roulette cycle. The grid counts from the Unix epoch.
    roulette: Roulette, "Roulette" {
        /// Length of a cycle, in seconds.
        cycle_seconds: u32 = 300, "CycleSeconds";
        /// From the cycle's start to its draw, in seconds.
        collecting_seconds: u32 = 240, "CollectingSeconds";
        /// From the draw to the verification phase, in seconds.
        spinning_seconds: u32 = 30, "SpinningSeconds";
        /// From the cycle's end to the last moment its candidate can be verified, in seconds.
        grace_seconds: u32 = 30, "GraceSeconds";
        /// How often the roulette looks at the clock, in milliseconds.
        tick_milliseconds: u64 = 1000, "TickMilliseconds";
    }

    /// Payouts that nobody finishes.
    payouts: Payouts, "Payouts" {
        /// Age at which an open payout expires, in seconds.
        expire_after_seconds: u32 = 86_400, "ExpireAfterSeconds";
        /// How often open payouts are looked at, in seconds.
        sweep_seconds: u32 = 3600, "SweepSeconds";
    }

    /// Announcements in chat.
    announcements: Announcements, "Announcements" {
        /// How often the outbox is looked at, in seconds. That is the fallback: the database tells when something is due.
        poll_seconds: u32 = 5, "PollSeconds";
        /// How long after the time-out of its call to Helix an announcement stays with the process that sends it, in seconds;
        /// after that it is listed as `unknown`.
        lease_margin_seconds: u32 = 30, "LeaseMarginSeconds";
    }

    /// Gift requests.
    gifts: Gifts, "Gifts" {
        /// Time to select the item, in seconds.
        select_seconds: u32 = 60, "SelectSeconds";
        /// Time to confirm the item, in seconds.
        confirm_seconds: u32 = 300, "ConfirmSeconds";
        /// How often time-outs and requests whose subscription is to be checked are looked at, in seconds.
        sweep_seconds: u32 = 1, "SweepSeconds";
    }

    /// How many requests are answered; the rest are 429.
    rate_limits: RateLimits, "RateLimits" {
        /// Writes of one viewer in a minute.
        viewer_writes_per_minute: u32 = 5, "ViewerWritesPerMinute";
        /// Reads of one viewer in a minute.
        viewer_reads_per_minute: u32 = 300, "ViewerReadsPerMinute";
        /// Refused and open requests of one address in a minute.
        address_per_minute: u32 = 60, "AddressPerMinute";
    }

    /// Calls to Helix.
    helix: Helix, "Helix" {
        /// Time-out of one call, in seconds.
        timeout_seconds: u32 = 10, "TimeoutSeconds";
    }

    /// What `GET /api/version` answers.
    version: Version, "Version" {
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
    synthetic_desktop: SyntheticDesktop, "SyntheticDesktop" {
        /// Where SyntheticDesktop finds the backend.
        backend_base_url: Url = loopback(8080), "BackendBaseUrl";
    }

    /// Where the backend is.
    backend: Backend, "Backend" {
        /// Where MockEventSubWebhook forwards notifications to.
        base_url: Url = loopback(8080), "BaseUrl";
    }

    /// MockHelixApi.
    mock_helix: MockHelix, "MockHelix" {
        /// Holds callers to Twitch's rules: which token, with which scopes, of which user and client.
        strict_auth: bool = false, "StrictAuth";
        /// What the broadcaster has granted the client, separated by commas.
        broadcaster_scopes: Vec<String> = [
            "channel:bot", "channel:read:subscriptions", "user:bot", "user:read:chat", "user:write:chat",
        ].map(String::from).to_vec(), "BroadcasterScopes";
    }
}

/// `http://127.0.0.1:<port>/`.
fn loopback(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("a loopback URL with a port is well formed")
}

/// The settings, and for each key its value (redacted where secret) and where that came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The effective settings.
    pub settings: Settings,
    /// One row a key, in the order of the documentation.
    pub rows: Vec<Row>,
}

impl Settings {
    /// Reads all layers, later ones winning.
    ///
    /// Every problem is reported, not just the first. No message holds a value, since any value may be a secret in the
    /// wrong place.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
        let mut reader = Reader::new(sources, KEYS);
        let settings = Self::read(&mut reader);
        reader.refuse(validate::problems(&settings));
        let rows = reader.finish()?;
        Ok(Loaded { settings, rows })
    }
}

impl Loaded {
    /// All keys with value, origin and meaning, as text for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let line = |row: &Row| format!("{} = {}  ({})\n    {}", row.key, row.value, row.origin, row.doc);
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests;
