//! The process: its assembly, serving and clean shutdown.

pub(crate) mod database;
mod error;
mod run;

pub use error::Error;
pub use run::run;
