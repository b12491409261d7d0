//! Memory shared by many holders; the holder that has stalled longest loses its share to one that needs it now.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A holder of memory from a [`Budget`].
pub trait Holder: fmt::Debug + Send + Sync {
    /// Whether it waits for an outside party, so that its memory may be given to another.
    fn is_stalled(&self) -> bool;

    /// Its memory has been given to another and must be released now. Called under the lock of the budget.
    fn evict(&self);
}

/// A bounded amount of memory. Cheap to clone: all clones are the same budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Mutex<State>>);

/// A place in the queue for memory, until dropped.
#[derive(Debug)]
pub(crate) struct Waiting(Budget);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: usize,
    next: u64,
    /// In the order in which they began to hold: the first has held longest.
    holders: BTreeMap<u64, (usize, Arc<dyn Holder>)>,
}

/// The memory is held by holders that are not stalled, or was taken from the holder that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("others have the memory")]
pub struct Exhausted;

/// How long to wait before asking again for memory that was refused.
pub(crate) const PAUSE: Duration = Duration::from_millis(25);
/// How long a holder that waits for memory keeps its share, in pauses: holders that only need to be read go before those
/// that have stalled. After that it may lose its share, since two that wait for each other would wait in vain.
pub(crate) const KEPT_PAUSES: u8 = 10;

/// A holder's share of a budget; returned when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    id: u64,
    bytes: usize,
}

impl Budget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: bytes, waiting: 0, next: 0, holders: BTreeMap::new() })))
    }

    /// A share, initially empty.
    #[must_use]
    pub fn share(&self, holder: Arc<dyn Holder>) -> Share {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.holders.insert(id, (0, holder));
        Share { budget: self.clone(), id, bytes: 0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.state().free
    }
}

impl Share {
    /// A place in the queue for memory, whose length is limited.
    pub(crate) fn wait(&self, places: usize) -> Result<Waiting, Exhausted> {
        let mut state = self.budget.state();
        if state.waiting >= places {
            return Err(Exhausted);
        }
        state.waiting += 1;
        Ok(Waiting(self.budget.clone()))
    }

    /// Takes memory up to `bytes`, from the holders that have stalled longest if necessary. Nobody loses anything for a share
    /// that cannot be completed anyway.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        let mut state = self.budget.state();
        if !state.holders.contains_key(&self.id) {
            return Err(Exhausted);
        }
        let mut found = state.free;
        let mut losers = Vec::new();
        for (id, (held, holder)) in &state.holders {
            if found >= more {
                break;
            }
            if *id != self.id && *held > 0 && holder.is_stalled() {
                found += held;
                losers.push(*id);
            }
        }
        if found < more {
            return Err(Exhausted);
        }
        for loser in losers {
            if let Some((_, holder)) = state.holders.remove(&loser) {
                holder.evict();
            }
        }
        state.free = found - more;
        self.bytes = bytes;
        if let Some((held, _)) = state.holders.get_mut(&self.id) {
            *held = bytes;
        }
        Ok(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        if let Some((held, _)) = state.holders.remove(&self.id) {
            state.free += held;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct Client {
        stalled: AtomicBool,
        evicted: AtomicBool,
    }

    impl Holder for Client {
        fn is_stalled(&self) -> bool {
            self.stalled.load(Ordering::Relaxed)
        }

        fn evict(&self) {
            self.evicted.store(true, Ordering::Relaxed);
        }
    }

    fn holding(budget: &Budget, bytes: usize, stalled: bool) -> (Arc<Client>, Share) {
        let client = Arc::new(Client { stalled: stalled.into(), ..Client::default() });
        let mut share = budget.share(Arc::clone(&client) as Arc<dyn Holder>);
        share.grow(bytes).unwrap();
        (client, share)
    }

    fn evicted(client: &Client) -> bool {
        client.evicted.load(Ordering::Relaxed)
    }

    #[test]
    fn the_longest_stalled_lose_to_a_newcomer_and_only_as_many_as_needed() {
        let budget = Budget::new(100);
        let (busy, _busy) = holding(&budget, 40, false);
        let (oldest, oldest_share) = holding(&budget, 30, true);
        let (younger, _younger) = holding(&budget, 30, true);
        let (_, _newcomer) = holding(&budget, 25, false);
        assert!(evicted(&oldest) && !evicted(&younger) && !evicted(&busy));
        assert_eq!(budget.free(), 5);
        // It had been taken from it before.
        drop(oldest_share);
        assert_eq!(budget.free(), 5);
    }

    #[test]
    fn who_lost_its_memory_gets_no_more_of_it() {
        let budget = Budget::new(10);
        let (_, mut loser) = holding(&budget, 10, true);
        let (_, winner) = holding(&budget, 10, false);
        drop(winner);
        assert_eq!(loser.grow(11), Err(Exhausted));
        assert_eq!(budget.free(), 10);
    }

    #[test]
    fn nobody_loses_anything_for_what_cannot_be_had() {
        let budget = Budget::new(100);
        let (busy, _busy) = holding(&budget, 80, false);
        let (stalled, _stalled) = holding(&budget, 20, true);
        let mut share = budget.share(Arc::new(Client::default()));
        assert_eq!(share.grow(30), Err(Exhausted));
        assert!(!evicted(&stalled) && !evicted(&busy));
        assert_eq!(share.grow(20), Ok(()));
        assert!(evicted(&stalled));
    }

    #[test]
    fn so_many_wait_at_a_time() {
        let budget = Budget::new(1);
        let share = budget.share(Arc::new(Client::default()));
        let places = [share.wait(2).unwrap(), share.wait(2).unwrap()];
        assert_eq!(share.wait(2).unwrap_err(), Exhausted);
        drop(places);
        share.wait(2).unwrap();
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let budget = Budget::new(100);
        let (_, mut share) = holding(&budget, 60, false);
        share.grow(90).unwrap();
        share.grow(10).unwrap();
        assert_eq!(budget.free(), 10);
        drop(share);
        assert_eq!(budget.free(), 100);
    }
}
