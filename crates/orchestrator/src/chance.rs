//! The one source of chance: ids and names that nobody has used before.

use rand::rngs::StdRng;
use rand::rngs::SysRng;
use rand::{Rng, RngExt as _, SeedableRng};
use uuid::Uuid;

/// A random source.
#[derive(Debug)]
pub struct Chance(StdRng);

impl Chance {
    /// Seeded by the system.
    pub fn from_system() -> anyhow::Result<Self> {
        Ok(Self(StdRng::try_from_rng(&mut SysRng)?))
    }

    /// An id for a message.
    pub fn id(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.random()
    }

    /// Lower-case Latin letters.
    pub fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(self.0.random_range(b'a'..=b'z'))).collect()
    }
}
