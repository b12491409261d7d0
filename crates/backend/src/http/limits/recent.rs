//! The memory of a rate limit, which is bounded.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    marker::PhantomData,
    mem,
    sync::{Mutex, PoisonError},
};

use governor::{nanos::Nanos, state::StateStore};

/// Remembers the clients with the most recent requests: at least `capacity` of them and at most twice as many.
///
/// A client is forgotten, and starts afresh, only after that many others have sent requests. Clients are identified by
/// a hash with a random key, so that an entry has the same few bytes however long a client's name is.
#[derive(Debug)]
pub(super) struct Recent<K> {
    hasher: RandomState,
    capacity: usize,
    generations: Mutex<Generations>,
    key: PhantomData<fn(&K)>,
}

#[derive(Debug, Default)]
struct Generations {
    /// Clients with a request since the last turn.
    current: HashMap<u64, Nanos>,
    /// Clients with a request before that.
    previous: HashMap<u64, Nanos>,
}

impl<K> Recent<K> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { hasher: RandomState::new(), capacity, generations: Mutex::default(), key: PhantomData }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let generations = self.generations.lock().unwrap();
        generations.current.len() + generations.previous.len()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        let generations = self.generations.lock().unwrap();
        generations.current.capacity() + generations.previous.capacity()
    }
}

impl<K: Hash> StateStore for Recent<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let key = self.hasher.hash_one(key);
        // No panic below can leave the maps half-changed.
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let known = generations.current.get(&key).or_else(|| generations.previous.get(&key)).copied();
        let (result, state) = match measure(known) {
            Ok((value, state)) => (Ok(value), Some(state)),
            // A client that keeps sending requests stays remembered.
            Err(refusal) => (Err(refusal), known),
        };
        if let Some(state) = state {
            if generations.current.len() >= self.capacity && !generations.current.contains_key(&key) {
                generations.previous = mem::take(&mut generations.current);
            }
            generations.current.insert(key, state);
        }
        result
    }
}
