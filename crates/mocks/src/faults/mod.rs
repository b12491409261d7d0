//! Faults that are asked for, on any route and on deliveries.
//!
//! A script of them waits ([`script`]). The first one that fits a request or a delivery decides: while it lets some pass,
//! nothing happens; then it is used up, one by one. A layer ([`layer`]) injects those of requests.

mod bodies;
mod effect;
mod layer;
mod party;
mod routes;
mod script;

pub(crate) use layer::{Injector, inject};
pub(crate) use party::Party;
pub(crate) use routes::routes;
pub(crate) use script::Faults;
