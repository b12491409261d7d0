//! The world that the stand-in presents as Twitch: clients, users, grants, tokens, limits and time. Only rules, no
//! HTTP: every rule is a method of `State`, which holds the current time.

mod bounded;
pub(crate) mod bucket;
pub(crate) mod chat;
pub(crate) mod eventsub;
mod fixture;
mod people;
mod record;
pub(crate) mod tokens;
pub(crate) mod topics;

pub use eventsub::Subscription;
pub use fixture::{
    ANY_CLIENT, Ban, Channel, ChannelSubscription, ChatSettings, Chatter, Client, Excess, Extension, Fixture,
    FixtureError, Grant, GrantedToken, Limits, Moderator, Tier, User,
};
pub use record::{Record, Secret, Table, Twice};

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mgm_system::{Clock, RandomSource};
use time::OffsetDateTime;

use bucket::Bucket;
use chat::Said;
use tokens::Tokens;

/// The world, shared by all who have a reference.
#[derive(Debug)]
pub(crate) struct World {
    start: Fixture,
    strict: bool,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

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
    ahead: Duration,
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

/// Exclusive access to the world.
pub(crate) struct Entered<'a>(MutexGuard<'a, State>);

impl Deref for Entered<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl DerefMut for Entered<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.0
    }
}

impl World {
    pub(crate) fn new(start: Fixture, strict: bool, clock: Arc<dyn Clock>, random: Arc<RandomSource>) -> Self {
        let state = State::new(start.clone(), strict, clock.now(), random);
        Self { start, strict, clock, state: Mutex::new(state) }
    }

    /// Locks the world, and sets its current time.
    pub(crate) fn enter(&self) -> Entered<'_> {
        // No panic can leave a change incomplete.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = self.clock.now() + state.ahead;
        Entered(state)
    }

    /// The machine's clock, by which messages are signed.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Returns the world to its initial state.
    pub(crate) fn reset(&self) {
        let mut state = self.enter();
        let random = Arc::clone(&state.random);
        *state = State::new(self.start.clone(), self.strict, self.clock.now(), random);
    }
}

impl State {
    fn new(records: Fixture, strict: bool, now: OffsetDateTime, random: Arc<RandomSource>) -> Self {
        let mut state = Self {
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
        };
        state.know_granted_tokens();
        state
    }

    /// Advances the world's time.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead += by;
        self.now += by;
    }

    /// Takes one from a bucket; `None` if there is no limit.
    pub(crate) fn take(&mut self, bucket: String, per_minute: u32) -> Option<bucket::Level> {
        let now = self.now;
        (per_minute > 0).then(|| self.buckets.entry(bucket).or_insert_with(|| Bucket::full(now)).take(now, per_minute))
    }
}
