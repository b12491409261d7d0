//! The current state of the world. The rules are methods of [`State`] in the files beside this one.

use std::sync::Arc;

use mgm_system::RandomSource;
use time::OffsetDateTime;

use super::bounded::Bounded;
use super::bucket::{Bucket, Level};
use super::fixture::Fixture;
use super::said::Said;
use super::secret::Secret;
use super::token_store::Tokens;
use super::world_time::WorldTime;

/// The current state of the world.
#[derive(Debug)]
pub(crate) struct State {
    /// Whether Twitch's rules for tokens, scopes and identities are enforced.
    pub(crate) strict: bool,
    /// The records: users, grants and so on.
    pub(crate) records: Fixture,
    /// The current time of the world.
    pub(crate) now: OffsetDateTime,
    /// From where it comes.
    pub(super) time: WorldTime,
    pub(crate) random: Arc<RandomSource>,
    pub(crate) tokens: Tokens,
    /// The points that were spent, and the other rates, by bucket name.
    pub(super) buckets: Bounded<Bucket>,
    pub(crate) said: Said,
    /// The segments of Extensions' configurations, each with its content and version. One may have 5 KiB, so that fewer
    /// are kept than of anything else.
    pub(crate) configurations: Bounded<(String, String), 1000>,
    /// The secrets of each Extension after the first, oldest first.
    pub(super) new_secrets: Bounded<Vec<NewSecret>>,
}

/// A secret of an Extension that replaces another.
#[derive(Debug)]
pub(super) struct NewSecret {
    /// In base64.
    pub(super) content: Secret,
    /// When it begins to sign.
    pub(super) active_at: OffsetDateTime,
}

impl State {
    /// The initial state, in which no token is known yet.
    pub(super) fn new(records: Fixture, strict: bool, now: OffsetDateTime, random: Arc<RandomSource>) -> Self {
        Self {
            strict,
            records,
            now,
            time: WorldTime::of(now),
            random,
            tokens: Tokens::default(),
            buckets: Bounded::default(),
            said: Said::default(),
            configurations: Bounded::default(),
            new_secrets: Bounded::default(),
        }
    }

    /// Sets the world's time, whether it stands or not.
    pub(crate) fn set_time(&mut self, to: OffsetDateTime) {
        self.time.set(to);
        self.now = to;
    }

    /// Stops the world's time, or lets it go on.
    pub(crate) fn freeze(&mut self, is_frozen: bool) {
        if is_frozen {
            self.time.freeze(self.now);
        } else {
            self.time.go_on();
        }
    }

    /// Whether the world's time stands.
    pub(crate) const fn is_frozen(&self) -> bool {
        self.time.is_frozen()
    }

    /// Takes one from a bucket; `None` if there is no limit.
    pub(crate) fn take(&mut self, bucket: &str, per_minute: u32) -> Option<Level> {
        if per_minute == 0 {
            return None;
        }
        let now = self.now;
        if !self.buckets.has(bucket) {
            self.buckets.put(bucket.to_owned(), Bucket::full(now));
        }
        self.buckets.get_mut(bucket).map(|bucket| bucket.take(now, per_minute))
    }
}
