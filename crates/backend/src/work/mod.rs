//! Background work.

pub mod announcer;
pub mod enroller;
pub mod workers;
