//! The current state of the world. The rules are methods of [`State`] in the files beside this one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mgm_system::RandomSource;
use time::OffsetDateTime;

use super::bucket::{Bucket, Level};
use super::fixture::Fixture;
use super::said::Said;
use super::secret::Secret;
use super::token_store::Tokens;

/// The current state of the world.
#[derive(Debug)]
pub(crate) struct State {
    /// Whether Twitch's rules for tokens, scopes and identities are enforced.
    pub(crate) strict: bool,
    /// The records: users, grants and so on.
    pub(crate) records: Fixture,
    /// The current time of the world.
    pub(crate) now: OffsetDateTime,
    /// How far the world's time is ahead of the clock.
    pub(super) ahead: Duration,
    pub(crate) random: Arc<RandomSource>,
    pub(crate) tokens: Tokens,
    /// The points that were spent, and the other rates, by bucket name.
    pub(crate) buckets: HashMap<String, Bucket>,
    pub(crate) said: Said,
    /// The segments of Extensions' configurations.
    pub(crate) configurations: HashMap<String, (String, String)>,
    /// Secrets of Extensions after the first, with the time from which they sign.
    pub(crate) new_secrets: Vec<(String, Secret, OffsetDateTime)>,
}

impl State {
    /// The initial state, in which no token is known yet.
    pub(super) fn new(records: Fixture, strict: bool, now: OffsetDateTime, random: Arc<RandomSource>) -> Self {
        Self {
            strict,
            records,
            now,
            ahead: Duration::ZERO,
            random,
            tokens: Tokens::default(),
            buckets: HashMap::new(),
            said: Said::default(),
            configurations: HashMap::new(),
            new_secrets: Vec::new(),
        }
    }

    /// Advances the world's time.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead += by;
        self.now += by;
    }

    /// Takes one from a bucket; `None` if there is no limit.
    pub(crate) fn take(&mut self, bucket: String, per_minute: u32) -> Option<Level> {
        let now = self.now;
        (per_minute > 0).then(|| self.buckets.entry(bucket).or_insert_with(|| Bucket::full(now)).take(now, per_minute))
    }
}
