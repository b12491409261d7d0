//! A map that forgets its oldest entries.

use std::collections::{HashMap, VecDeque};

/// A map with text keys and at most `CAPACITY` entries.
#[derive(Debug)]
pub(crate) struct Bounded<V, const CAPACITY: usize = 10_000> {
    entries: HashMap<String, V>,
    /// The keys, oldest first, including removed ones.
    order: VecDeque<String>,
}

impl<V, const CAPACITY: usize> Default for Bounded<V, CAPACITY> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new() }
    }
}

impl<V, const CAPACITY: usize> Bounded<V, CAPACITY> {
    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn put(&mut self, key: String, value: V) {
        if self.entries.insert(key.clone(), value).is_some() {
            return;
        }
        if self.order.len() == CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        self.order.push_back(key);
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        let removed = self.entries.remove(key);
        if removed.is_some() {
            self.order.retain(|other| other != key);
        }
        removed
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.entries.retain(|_, value| keep(value));
        self.order.retain(|key| self.entries.contains_key(key));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_are_forgotten() {
        let mut map = Bounded::<usize, 5>::default();
        for number in 0..7 {
            map.put(number.to_string(), number);
        }
        map.put("2".to_owned(), 5);
        assert_eq!((map.get("0"), map.get("1"), map.get("2")), (None, None, Some(&5)));
        assert_eq!(map.remove("2"), Some(5));
        map.put("new".to_owned(), 1);
        assert!(map.has("3") && map.has("new"));
        map.retain(|value| *value == 1);
        assert_eq!(map.iter().collect::<Vec<_>>(), [("new", &1)]);
    }
}
