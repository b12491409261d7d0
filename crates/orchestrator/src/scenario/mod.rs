//! The scenarios: files that say what to do and what to expect, over HTTP only, and the player that does so.

mod call;
mod catalogue;
mod causes;
mod document;
mod expectation;
mod player;
mod stage;
mod step;
mod values;

use futures_util::future::join_all;

use crate::health::{Unhealthy, examine};
use crate::http::Endpoint;

pub use call::Call;
pub use catalogue::{all, find, nearest};
pub use causes::cause_of_silence;
pub use document::{Scenario, Step};
pub use player::Recorder;
pub use stage::{Stage, Viewer};
pub use step::{Mismatch, Taken};
pub use values::Values;

/// The scenarios that have commands of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tier {
    /// Enrolment.
    A,
    /// Enrolment, payout and announcement.
    B,
}

impl Tier {
    /// The scenario.
    pub fn scenario(self) -> &'static Scenario {
        find(self.name()).expect("both are in the catalogue, as a test shows")
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        &self.scenario().title
    }

    /// The name for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "tier-a",
            Self::B => "tier-b",
        }
    }
}

impl Stage<'_> {
    /// The services of the scenario at whose addresses another service answers, as sentences. The steps will find services that
    /// are away or unhealthy.
    pub async fn mistaken(&self, scenarios: &[&Scenario]) -> Vec<String> {
        let is_involved = |endpoint: &&Endpoint| {
            scenarios.iter().flat_map(|scenario| scenario.services()).any(|service| service == endpoint.service)
        };
        let examined = self.endpoints.values().filter(is_involved).map(async |endpoint| {
            let health = endpoint.service.service().health.as_ref()?;
            match examine(endpoint, health).await {
                Err(other @ Unhealthy::Other { .. }) => Some(format!("{} {other}", endpoint.url())),
                _ => None,
            }
        });
        join_all(examined).await.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tiers_are_in_the_catalogue() {
        assert_eq!((Tier::A.title(), Tier::B.title()), ("Tier A", "Tier B"));
    }
}
