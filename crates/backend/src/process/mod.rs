//! The process: put together, served, and brought to a clean end.

pub(crate) mod database;
mod error;
mod run;

pub use error::Error;
pub use run::run;
