//! The process: put together, served, and brought to a clean end.

mod run;

pub use run::{Error, run};
