//! The world that the stand-in presents as Twitch: clients, users, grants, tokens, limits and time. Only rules, no
//! HTTP: every rule is a method of `State`, which holds the current time.

mod bounded;
pub(crate) mod bucket;
mod callbacks;
pub(crate) mod chat;
mod delivery_rules;
pub(crate) mod eventsub;
pub(crate) mod extensions;
mod fixture;
mod limits;
mod people;
mod records;
mod revocations;
mod said;
mod secret;
mod state;
pub(crate) mod subscription;
mod table;
pub(crate) mod token_store;
mod tokens;
pub(crate) mod topics;
mod world_time;

pub use callbacks::Callbacks;
pub use delivery_rules::DeliveryRules;
pub use fixture::{Fixture, FixtureError, Stored};
pub use limits::{Excess, Limits};
pub use records::{
    ANY_CLIENT, Ban, Channel, ChannelSubscription, ChatSettings, Chatter, Client, Extension, Grant, GrantedToken,
    Moderator, Tier, User,
};
pub use secret::Secret;
pub(crate) use state::State;
pub use subscription::{Subscription, Transport};
pub use table::{Record, Table, Twice};

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mgm_system::{Clock, RandomSource};

/// The world, shared by all who have a reference.
#[derive(Debug)]
pub(crate) struct World {
    start: Fixture,
    strict: bool,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
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
        let state = Mutex::new(initial(start.clone(), strict, &*clock, random));
        Self { start, strict, clock, state }
    }

    /// Locks the world, and sets its current time.
    pub(crate) fn enter(&self) -> Entered<'_> {
        // No panic can leave a change incomplete.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = state.time.read(self.clock.now());
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
        *state = initial(self.start.clone(), self.strict, &*self.clock, random);
    }
}

fn initial(start: Fixture, strict: bool, clock: &dyn Clock, random: Arc<RandomSource>) -> State {
    let mut state = State::new(start, strict, clock.now(), random);
    state.know_granted_tokens();
    state
}
