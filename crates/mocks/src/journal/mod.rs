//! The journal: what a stand-in received and sent, and what became of it.
//!
//! A message is kept as it was, in one piece of memory, and parsed and stripped of its secrets only when it is shown. What
//! is kept is bounded in bytes ([`store`]).

mod assertions;
mod entry;
mod har;
mod layer;
mod outcome;
mod packed;
mod routes;
mod shown;
mod store;

pub(crate) use layer::record;
pub(crate) use outcome::Outcome;
pub(crate) use routes::routes;
pub(crate) use store::{Delivery, Journal};
