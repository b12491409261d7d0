//! Time as an input.

pub use mgm_system::{Clock, ManualClock, SystemClock};
