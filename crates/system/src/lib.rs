//! What the operating system provides: time and random numbers, which are inputs everywhere else; child processes that do not
//! outlive their parent; the process that listens on a port; the end of a log file.

pub mod child;
pub mod clock;
mod parent_death;
pub mod port;
pub mod random;
mod tail;

pub use child::{Child, Program};
pub use clock::{Clock, ManualClock, SystemClock};
pub use parent_death::ParentDeath;
pub use random::RandomSource;
pub use tail::last_lines;
