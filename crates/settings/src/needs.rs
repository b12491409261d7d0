//! What a program requires besides well-formed settings: the rules of Production.

use crate::{Environment, Problem, Settings};

/// A stand-in's requirements: none.
#[must_use]
pub fn of_a_stand_in(_: &Settings) -> Vec<Problem> {
    Vec::new()
}

/// The requirements of the operator's commands, which only use the database.
#[must_use]
pub fn of_the_database(settings: &Settings) -> Vec<Problem> {
    let broadcaster = [("Twitch__BroadcasterUserId", settings.twitch.broadcaster_user_id.is_some())];
    let database = settings.connection_strings.database().err();
    in_production(settings, &broadcaster, &[]).chain(database).collect()
}

/// The backend's requirements.
#[must_use]
pub fn of_the_backend(settings: &Settings) -> Vec<Problem> {
    let Settings { mgm, twitch, .. } = settings;
    let needed = [
        ("Mgm__ApiKey", mgm.api_key.is_some()),
        ("Twitch__EventSubSecret", twitch.event_sub_secret.is_some()),
        ("Twitch__ExtensionSecret", twitch.extension_secret.is_some()),
    ];
    let aids = [
        ("Mgm__EnableE2eHarness", mgm.enable_e2e_harness),
        ("Mgm__DevSkipSubscriberCheck", mgm.dev_skip_subscriber_check),
    ];
    in_production(settings, &needed, &aids).chain(of_the_database(settings)).collect()
}

/// What Production requires and what it forbids, each with whether it is set.
fn in_production(
    settings: &Settings,
    needed: &[(&'static str, bool)],
    forbidden: &[(&'static str, bool)],
) -> impl Iterator<Item = Problem> {
    let needed = needed.iter().map(|of| (of, false, " is not set, and Production needs it"));
    let forbidden = forbidden.iter().map(|of| (of, true, " is on, and Production does not allow it"));
    let wrong = needed.chain(forbidden).filter(|((_, is_set), wrong, _)| is_set == wrong);
    let problems: Vec<_> = wrong.map(|((key, _), _, said)| Problem::of(key, said)).collect();
    problems.into_iter().filter(|_| settings.general.environment == Environment::Production)
}
