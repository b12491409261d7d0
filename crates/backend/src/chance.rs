//! Chance as an input.

pub use mgm_system::RandomSource as Chance;
