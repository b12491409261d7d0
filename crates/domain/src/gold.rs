//! Amounts of in-game gold.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of in-game gold, in whole gold.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gold(u32);

impl Gold {
    /// What every winning payout is worth.
    pub const PAYOUT: Self = Self(1_000);
    /// What a viewer can receive in total, over payouts that became `Sent`.
    pub const LIFETIME_CAP: Self = Self(10_000);

    /// An amount in whole gold.
    #[must_use]
    pub const fn new(amount: u32) -> Self {
        Self(amount)
    }

    /// The amount, in whole gold.
    #[must_use]
    pub const fn amount(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Gold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
