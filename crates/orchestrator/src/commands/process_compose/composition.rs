//! What process-compose can run.

use clap::ValueEnum;
use mgm_service::services::{SERVICES, Service, ServiceId};

use crate::scenario::Tier;
use crate::stack::{DatabasePlan, Plan};

/// See the module.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Composition {
    /// The stack, then Tier A, then stop.
    TierA,
    /// The stack, then Tier B, then stop.
    TierB,
    /// The stack, until Ctrl-C.
    Up,
    /// The four stand-ins, until Ctrl-C.
    Mocks,
}

impl Composition {
    /// The scenario that it runs, if any.
    pub fn tier(self) -> Option<Tier> {
        match self {
            Self::TierA => Some(Tier::A),
            Self::TierB => Some(Tier::B),
            Self::Up | Self::Mocks => None,
        }
    }

    /// The services that are started, in the order of the table.
    pub fn services(self, plan: &Plan) -> impl Iterator<Item = &'static Service> {
        SERVICES.iter().filter(move |service| match service.id {
            ServiceId::Postgres => self != Self::Mocks && matches!(plan.database, DatabasePlan::Own { .. }),
            ServiceId::Backend => self != Self::Mocks,
            ServiceId::Orchestrator => self.tier().is_some(),
            stand_in => stand_in.is_stand_in(),
        })
    }
}
