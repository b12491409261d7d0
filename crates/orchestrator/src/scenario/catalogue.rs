//! All scenarios, each in a file of the directory `scenarios`.

use std::sync::OnceLock;

use super::document::Scenario;

/// The name and the text of each file.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$( ($name, include_str!(concat!("../../scenarios/", $name, ".toml"))) ),+]
    };
}

/// In the order of the list that people see.
const FILES: &[(&str, &str)] = files![
    "tier-a",
    "tier-b",
    "happy-path",
    "roulette-cycle",
    "offline-winner",
    "names",
    "duplicates",
    "chat-rules",
    "active-payout",
    "lifetime-cap",
    "transitions",
    "cancel",
    "mail-failure",
    "second-attempt",
    "desktop-offline",
    "desktop-key",
    "tokens",
    "signatures",
    "rate-limit",
    "helix-500",
    "helix-429",
    "helix-slow",
    "helix-lost-reply",
    "helix-refused",
    "token-renewal",
    "subscription-revoked",
    "secret-rotation",
    "restart-of-the-backend",
    "restart-of-postgresql",
    "gift-flow",
    "gift-queue",
    "gift-timeouts",
];

/// Each is read when it is asked for.
static READ: [OnceLock<Scenario>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];

fn at(place: usize) -> &'static Scenario {
    let (name, text) = FILES[place];
    READ[place].get_or_init(|| Scenario::read(name, text).expect("a constant, which a test reads"))
}

/// The scenario with this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    FILES.iter().position(|(other, _)| *other == name).map(at)
}

/// All scenarios.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    (0..FILES.len()).map(at)
}

/// The name that is most similar to this one.
pub fn nearest(name: &str) -> &'static str {
    let distance = |file: &&(&str, &str)| strsim::damerau_levenshtein(name, file.0);
    FILES.iter().min_by_key(distance).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_can_be_read_and_is_in_the_catalogue() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<_> = files.filter(|file| file != "causes.toml").collect();
        let known: BTreeSet<_> = all().map(|scenario| format!("{}.toml", scenario.name)).collect();
        assert_eq!(known, files);
    }

    #[test]
    fn a_scenario_explains_itself() {
        for scenario in all() {
            let name = scenario.name;
            assert!(!scenario.title.is_empty() && !scenario.steps.is_empty(), "{name}");
            for step in &scenario.steps {
                assert!(!step.actions.is_empty(), "{name}: {}", step.name);
            }
        }
    }
}
