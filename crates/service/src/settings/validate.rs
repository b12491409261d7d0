//! Values of the right type that still make no sense.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Settings;
use super::error::Problem;

/// Length of an EventSub secret that Twitch accepts, in ASCII characters.
/// <https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#verifying-the-event-message>
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 10..=100;

pub(super) fn problems(settings: &Settings) -> Vec<Problem> {
    let twitch = &settings.twitch;
    [
        secret("Twitch__EventSubSecret", twitch.event_sub_secret.as_ref()),
        secret("Twitch__EventSubSecretPrevious", twitch.event_sub_secret_previous.as_ref()),
        root("Twitch__HelixApiBaseUrl", twitch.helix_api_base_url.as_ref(), "/helix"),
        root("Twitch__OAuthBaseUrl", twitch.oauth_base_url.as_ref(), "/oauth2"),
        roulette(settings),
    ]
    .into_iter()
    .flatten()
    .chain(ends(settings))
    .chain(zeros(settings))
    .collect()
}

fn refused(key: &'static str, reason: impl Into<String>) -> Problem {
    Problem::Refused { key, reason: reason.into() }
}

fn secret(key: &'static str, secret: Option<&SecretString>) -> Option<Problem> {
    let secret = secret?.expose_secret();
    (!secret.is_ascii() || !SECRET_LENGTH.contains(&secret.len()))
        .then(|| refused(key, "Twitch accepts only secrets of 10 to 100 ASCII characters"))
}

/// What travels in the headers of HTTP, which strips blanks at a value's ends: with one there it could never match. What
/// is no secret is trimmed when it is read.
fn ends(settings: &Settings) -> impl Iterator<Item = Problem> {
    let Settings { mgm, twitch, .. } = settings;
    let secret = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    [
        ("Mgm__ApiKey", secret(&mgm.api_key)),
        ("Mgm__ApiKeyPrevious", secret(&mgm.api_key_previous)),
        ("Twitch__EventSubSecret", secret(&twitch.event_sub_secret)),
        ("Twitch__EventSubSecretPrevious", secret(&twitch.event_sub_secret_previous)),
        ("Twitch__ExtensionSecret", secret(&twitch.extension_secret)),
        ("Twitch__ExtensionClientId", twitch.extension_client_id.clone()),
        ("Twitch__BroadcasterUserId", twitch.broadcaster_user_id.clone()),
        ("Twitch__BroadcasterAccessToken", secret(&twitch.broadcaster_access_token)),
        ("Twitch__BroadcasterRefreshToken", secret(&twitch.broadcaster_refresh_token)),
        ("Twitch__HelixClientId", twitch.helix_client_id.clone()),
        ("Twitch__HelixClientSecret", secret(&twitch.helix_client_secret)),
    ]
    .into_iter()
    .filter(|(_, value)| value.as_deref().is_some_and(has_bad_ends))
    .map(|(key, _)| refused(key, "the value begins or ends with a blank, or holds a control character; leave it out"))
}

fn has_bad_ends(value: &str) -> bool {
    value.starts_with(char::is_whitespace) || value.ends_with(char::is_whitespace) || value.contains(char::is_control)
}

/// The path below a service's root is ours to add.
fn root(key: &'static str, url: Option<&Url>, path: &str) -> Option<Problem> {
    let ends_so = url?.path().trim_end_matches('/').to_ascii_lowercase().ends_with(path);
    ends_so.then(|| refused(key, format!("the value ends in {path}; give the root alone, {path}/… is added to it")))
}

fn roulette(settings: &Settings) -> Option<Problem> {
    let roulette = &settings.roulette;
    let before_verification = u64::from(roulette.collecting_seconds) + u64::from(roulette.spinning_seconds);
    (before_verification > u64::from(roulette.cycle_seconds))
        .then(|| refused("Roulette__CycleSeconds", "collecting and spinning take longer together than a cycle"))
}

/// Lengths of time and limits that stop everything when they are zero.
fn zeros(settings: &Settings) -> impl Iterator<Item = Problem> {
    let Settings { mgm, roulette, payouts, announcements, gifts, rate_limits, helix, .. } = settings;
    [
        ("Roulette__CycleSeconds", u64::from(roulette.cycle_seconds)),
        ("Roulette__TickMilliseconds", roulette.tick_milliseconds),
        ("Payouts__ExpireAfterSeconds", payouts.expire_after_seconds.into()),
        ("Payouts__SweepSeconds", payouts.sweep_seconds.into()),
        ("Announcements__LeaseMarginSeconds", announcements.lease_margin_seconds.into()),
        ("Announcements__PollSeconds", announcements.poll_seconds.into()),
        ("Gifts__SelectSeconds", gifts.select_seconds.into()),
        ("Gifts__ConfirmSeconds", gifts.confirm_seconds.into()),
        ("Gifts__SweepSeconds", gifts.sweep_seconds.into()),
        ("RateLimits__ViewerWritesPerMinute", rate_limits.viewer_writes_per_minute.into()),
        ("RateLimits__ViewerReadsPerMinute", rate_limits.viewer_reads_per_minute.into()),
        ("RateLimits__AddressPerMinute", rate_limits.address_per_minute.into()),
        ("Mgm__MetricsRefreshSeconds", mgm.metrics_refresh_seconds.into()),
        ("Helix__TimeoutSeconds", helix.timeout_seconds.into()),
    ]
    .into_iter()
    .filter(|(_, value)| *value == 0)
    .map(|(key, _)| refused(key, "must be at least 1"))
}
