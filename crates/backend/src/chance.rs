//! Chance as an input.

use std::sync::{Mutex, PoisonError};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

/// A cryptographically secure source of chance, shared by the whole process.
#[derive(Debug)]
pub struct Chance(Mutex<StdRng>);

impl Chance {
    /// A source that goes on from this seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Mutex::new(StdRng::from_seed(seed)))
    }

    /// A source seeded by the operating system.
    #[must_use]
    pub fn from_system() -> Self {
        Self(Mutex::new(rand::make_rng()))
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// A random UUID (version 4).
    pub fn uuid(&self) -> Uuid {
        Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// A UUID that sorts by time (version 7), so that new rows are neighbours in an index.
    pub fn uuid_at(&self, now: OffsetDateTime) -> Uuid {
        let milliseconds = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        Builder::from_unix_timestamp_millis(milliseconds, &self.bytes()).into_uuid()
    }

    /// A number from 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// A source of its own.
    pub fn fork(&self) -> StdRng {
        StdRng::from_seed(self.bytes())
    }
}
