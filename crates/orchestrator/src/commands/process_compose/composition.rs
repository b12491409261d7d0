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
}

impl Composition {
    /// The scenario that it runs, if any.
    pub fn tier(self) -> Option<Tier> {
        match self {
            Self::TierA => Some(Tier::A),
            Self::TierB => Some(Tier::B),
            Self::Up => None,
        }
    }

    /// The services that are started, in the order of the table.
    pub fn services(self, plan: &Plan) -> impl Iterator<Item = &'static Service> {
        SERVICES.iter().filter(move |service| match service.id {
            ServiceId::Postgres => matches!(plan.database, DatabasePlan::Own { .. }),
            ServiceId::Orchestrator => self.tier().is_some(),
            ServiceId::Backend
            | ServiceId::MockEventSub
            | ServiceId::MockJwt
            | ServiceId::MockHelix
            | ServiceId::SyntheticDesktop => true,
        })
    }
}
