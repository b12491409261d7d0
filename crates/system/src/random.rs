//! Random numbers as an input.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

/// A cryptographically secure random source, shared by reference. Everything random is taken from one.
#[derive(Debug)]
pub struct RandomSource(Mutex<StdRng>);

impl RandomSource {
    /// A deterministic source with this seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Mutex::new(StdRng::from_seed(seed)))
    }

    /// A source seeded by the operating system.
    #[must_use]
    pub fn from_system() -> Self {
        Self(Mutex::new(rand::make_rng()))
    }

    fn rng(&self) -> MutexGuard<'_, StdRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        self.rng().random()
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

    /// A random number.
    pub fn number(&self) -> u64 {
        self.rng().random()
    }

    /// A number from 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.rng().random()
    }

    /// Lower-case Latin letters.
    pub fn letters(&self, count: usize) -> String {
        let mut rng = self.rng();
        (0..count).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
    }

    /// This many bytes as hexadecimal digits.
    pub fn hex<const BYTES: usize>(&self) -> String {
        hex::encode(self.bytes::<BYTES>())
    }

    /// A new source, seeded from this one.
    pub fn fork(&self) -> StdRng {
        StdRng::from_seed(self.bytes())
    }
}
