//! What is configured for Twitch, and which settings are missing for what.

use std::time::Duration;

use mgm_settings::{Settings, Twitch};
use mgm_twitch::{
    eventsub::{CallbackUrl, SigningSecret},
    helix::HelixBaseUrl,
    oauth::OAuthBaseUrl,
};
use secrecy::SecretString;

/// Twitch's services, and the credentials for them. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct TwitchConfig {
    /// Helix' base URL.
    pub helix_base_url: HelixBaseUrl,
    /// The token service's base URL.
    pub oauth_base_url: OAuthBaseUrl,
    /// Whether that token service issued the tokens for that Helix. If a stand-in replaces only Helix, its tokens are
    /// not sent to Twitch's own token service.
    pub knows_its_tokens: bool,
    /// The timeout of one call.
    pub timeout: Duration,
    /// The broadcaster's tokens; `None`: no calls are made on their behalf.
    pub broadcaster: Option<BroadcasterTokens>,
    /// The client's own id and secret.
    pub client: Option<Client>,
    /// The chat subscription to maintain; `None`: it is maintained elsewhere.
    pub subscription: Option<SubscriptionConfig>,
}

/// The broadcaster's tokens as configured.
#[derive(Debug, Clone)]
pub struct BroadcasterTokens {
    /// The client that they were issued to.
    pub client_id: String,
    /// The access token, which Helix calls carry.
    pub access: SecretString,
    /// The refresh token; `None`: the access token is not renewed.
    pub refresh: Option<SecretString>,
}

/// A client (application) registered with Twitch.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
}

/// The chat subscription.
#[derive(Debug, Clone)]
pub struct SubscriptionConfig {
    /// Where Twitch sends notifications.
    pub callback: CallbackUrl,
    /// The secret with which Twitch signs them.
    pub secret: SigningSecret,
}

impl TwitchConfig {
    /// Takes the parts whose settings are complete.
    pub(crate) fn new(settings: &Settings) -> Self {
        let twitch = &settings.twitch;
        let broadcaster = twitch.helix_client_id.as_ref().zip(twitch.broadcaster_access_token.as_ref());
        let client = twitch.helix_client_id.clone().zip(twitch.helix_client_secret.clone());
        let is_complete = client.is_some() && twitch.broadcaster_user_id.is_some();
        let callback = twitch.event_sub_callback_url.clone().filter(|_| is_complete);
        Self {
            helix_base_url: twitch.helix_api_base_url.clone().unwrap_or_else(HelixBaseUrl::production),
            oauth_base_url: twitch.oauth_base_url.clone().unwrap_or_else(OAuthBaseUrl::production),
            knows_its_tokens: twitch.helix_api_base_url.is_none() || twitch.oauth_base_url.is_some(),
            timeout: settings.helix.timeout,
            broadcaster: broadcaster.map(|(id, token)| BroadcasterTokens {
                client_id: id.clone(),
                access: token.clone(),
                refresh: twitch.broadcaster_refresh_token.clone(),
            }),
            client: client.map(|(id, secret)| Client { id, secret }),
            subscription: callback
                .zip(twitch.event_sub_secret.clone())
                .map(|(callback, secret)| SubscriptionConfig { callback, secret }),
        }
    }
}

/// Warns of settings that are incomplete, or cannot work for long; each names the settings and no values.
pub(crate) fn warnings(settings: &Settings) -> Vec<String> {
    let twitch = &settings.twitch;
    let mut warnings = Vec::new();
    for (is_set, key) in [
        (twitch.helix_client_id.is_some(), "Twitch__HelixClientId"),
        (twitch.broadcaster_access_token.is_some(), "Twitch__BroadcasterAccessToken"),
    ] {
        if !is_set {
            warnings
                .push(format!("{key} is not set: nothing can be announced in chat, and no subscription be checked"));
        }
    }
    let mut needs = |wanted: &str, consequence: &str, parts: &[(bool, &str)]| {
        let missing: Vec<_> = parts.iter().filter(|(is_set, _)| !is_set).map(|(_, key)| *key).collect();
        if !missing.is_empty() {
            let (missing, verb) = (missing.join(", "), if missing.len() == 1 { "is" } else { "are" });
            warnings.push(format!("{wanted} is set, but {missing} {verb} not: {consequence}"));
        }
    };
    if twitch.broadcaster_refresh_token.is_some() {
        needs(
            "Twitch__BroadcasterRefreshToken",
            "the access token cannot be renewed",
            &[
                (twitch.helix_client_id.is_some(), "Twitch__HelixClientId"),
                (twitch.helix_client_secret.is_some(), "Twitch__HelixClientSecret"),
                (twitch.broadcaster_access_token.is_some(), "Twitch__BroadcasterAccessToken"),
            ],
        );
    }
    if let Some(callback) = &twitch.event_sub_callback_url {
        needs(
            "Twitch__EventSubCallbackUrl",
            "the subscription to chat is not looked after",
            &[
                (twitch.helix_client_id.is_some(), "Twitch__HelixClientId"),
                (twitch.helix_client_secret.is_some(), "Twitch__HelixClientSecret"),
                (twitch.broadcaster_user_id.is_some(), "Twitch__BroadcasterUserId"),
                (twitch.event_sub_secret.is_some(), "Twitch__EventSubSecret"),
            ],
        );
        warnings.extend(unusual_port(twitch, callback));
    }
    warnings
}

fn unusual_port(twitch: &Twitch, callback: &CallbackUrl) -> Option<String> {
    let is_twitch = twitch.helix_api_base_url.is_none();
    (is_twitch && callback.as_url().port_or_known_default() != Some(443))
        .then(|| "Twitch__EventSubCallbackUrl names another port than 443: Twitch calls no other".to_owned())
}

#[cfg(test)]
mod tests {
    use mgm_domain::BroadcasterId;

    use super::*;

    fn settings(change: impl FnOnce(&mut Twitch)) -> Settings {
        let mut settings = Settings::default();
        change(&mut settings.twitch);
        settings
    }

    fn complete(twitch: &mut Twitch) {
        twitch.helix_client_id = Some("client".to_owned());
        twitch.helix_client_secret = Some("client-secret".into());
        twitch.broadcaster_access_token = Some("access".into());
        twitch.broadcaster_refresh_token = Some("refresh".into());
        twitch.broadcaster_user_id = Some(BroadcasterId::parse("streamer").unwrap());
        twitch.event_sub_secret = Some(SigningSecret::parse("0123456789".into()).unwrap());
        twitch.event_sub_callback_url = Some(callback("https://example.com/api/twitch/eventsub"));
    }

    fn callback(url: &str) -> CallbackUrl {
        CallbackUrl::new(url.parse().unwrap()).unwrap()
    }

    #[test]
    fn nothing_is_looked_after_by_default() {
        let config = TwitchConfig::new(&Settings::default());
        assert!(config.subscription.is_none() && config.broadcaster.is_none() && config.client.is_none());
    }

    #[test]
    fn complete_settings_need_no_warning_and_do_not_show() {
        let settings = settings(complete);
        assert_eq!(warnings(&settings), Vec::<String>::new());
        let config = TwitchConfig::new(&settings);
        assert!(config.subscription.is_some());
        let shown = format!("{config:?}");
        for secret in ["client-secret", "\"access\"", "\"refresh\"", "0123456789"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }

    #[test]
    fn twitch_is_not_told_the_tokens_of_a_stand_in() {
        let root = "http://127.0.0.1:9053";
        for (helix, oauth, expected) in
            [(None, None, true), (Some(root), None, false), (Some(root), Some(root), true), (None, Some(root), true)]
        {
            let settings = settings(|twitch| {
                twitch.helix_api_base_url = helix.map(|root| root.parse().unwrap());
                twitch.oauth_base_url = oauth.map(|root| root.parse().unwrap());
            });
            assert_eq!(TwitchConfig::new(&settings).knows_its_tokens, expected);
        }
    }

    #[test]
    fn each_missing_part_is_named_and_turns_off_what_needs_it() {
        type Case = (fn(&mut Twitch), &'static str, bool, bool);
        let cases: [Case; 5] = [
            (|twitch| twitch.helix_client_id = None, "Twitch__HelixClientId", false, false),
            (|twitch| twitch.helix_client_secret = None, "Twitch__HelixClientSecret", false, true),
            (|twitch| twitch.broadcaster_user_id = None, "Twitch__BroadcasterUserId", false, true),
            (|twitch| twitch.event_sub_secret = None, "Twitch__EventSubSecret", false, true),
            (|twitch| twitch.broadcaster_access_token = None, "Twitch__BroadcasterAccessToken", true, false),
        ];
        for (remove, key, looked_after, calls) in cases {
            let settings = settings(|twitch| {
                complete(twitch);
                remove(twitch);
            });
            assert!(warnings(&settings).iter().any(|warning| warning.contains(key)), "{key}");
            let config = TwitchConfig::new(&settings);
            assert_eq!((config.subscription.is_some(), config.broadcaster.is_some()), (looked_after, calls), "{key}");
        }
    }

    #[test]
    fn another_port_than_443_is_a_warning() {
        let at = |url: &str, helix: Option<&str>| {
            let settings = settings(|twitch| {
                complete(twitch);
                twitch.event_sub_callback_url = Some(callback(url));
                twitch.helix_api_base_url = helix.map(|root| root.parse().unwrap());
            });
            warnings(&settings).len()
        };
        assert_eq!(at("https://example.com:8443/", None), 1);
        assert_eq!(at("https://example.com:443/", None), 0);
        assert_eq!(at("http://127.0.0.1:8080/", Some("http://127.0.0.1:9053")), 0);
    }
}
