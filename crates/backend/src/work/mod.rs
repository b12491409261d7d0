//! What goes on beside the requests.

pub mod announcer;
pub mod enroller;
pub mod workers;
