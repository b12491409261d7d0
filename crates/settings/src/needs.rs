//! What a program needs beside settings that are well formed: the rules of Production.

use crate::{Environment, Problem, Settings};

/// What a stand-in needs: nothing more.
#[must_use]
pub fn of_a_stand_in(_: &Settings) -> Vec<Problem> {
    Vec::new()
}

/// What the operator's commands need, which work on the database alone.
#[must_use]
pub fn of_the_database(settings: &Settings) -> Vec<Problem> {
    let mut problems =
        needed_in_production(settings, &[("Twitch__BroadcasterUserId", settings.twitch.broadcaster_user_id.is_some())]);
    problems.extend(settings.connection_strings.database().err());
    problems
}

/// What the backend needs.
#[must_use]
pub fn of_the_backend(settings: &Settings) -> Vec<Problem> {
    let Settings { mgm, twitch, .. } = settings;
    let mut problems = needed_in_production(
        settings,
        &[
            ("Mgm__ApiKey", mgm.api_key.is_some()),
            ("Twitch__EventSubSecret", twitch.event_sub_secret.is_some()),
            ("Twitch__ExtensionSecret", twitch.extension_secret.is_some()),
        ],
    );
    let aids = [
        ("Mgm__EnableE2eHarness", mgm.enable_e2e_harness),
        ("Mgm__DevSkipSubscriberCheck", mgm.dev_skip_subscriber_check),
    ];
    let aids = aids.into_iter().filter(|(_, is_on)| *is_on && is_production(settings));
    problems.extend(aids.map(|(key, _)| Problem::NotInProduction { key }));
    problems.extend(of_the_database(settings));
    problems
}

/// Of these keys, each with whether it is set.
fn needed_in_production(settings: &Settings, keys: &[(&'static str, bool)]) -> Vec<Problem> {
    let missing = keys.iter().filter(|(_, is_set)| !is_set && is_production(settings));
    missing.map(|&(key, _)| Problem::NeededInProduction { key }).collect()
}

fn is_production(settings: &Settings) -> bool {
    settings.general.environment == Environment::Production
}
