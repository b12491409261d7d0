//! Tables of records, each found by its ids.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A kind of record.
pub trait Record: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The plural of its name, in the fixture and in the paths of the admin API.
    const NAME: &str;
    /// The names of the fields that identify a record.
    const KEY: &[&str];

    /// The values of those fields.
    fn key(&self) -> Vec<&str>;
}

/// All records of a kind, in the order of their ids. In a fixture it is an array.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Vec<R>", into = "Vec<R>", bound = "R: Record")]
pub struct Table<R>(BTreeMap<String, R>);

/// Two records of a kind have the same ids.
#[derive(Debug, thiserror::Error)]
#[error("{0} is there twice")]
pub struct Twice(String);

fn joined(key: &[&str]) -> String {
    // No id contains it, since headers and the paths of the admin API cannot.
    key.join("\0")
}

impl<R: Record> Table<R> {
    /// The record with these ids.
    #[must_use]
    pub fn get(&self, key: &[&str]) -> Option<&R> {
        self.0.get(&joined(key))
    }

    /// Whether there is a record with these ids.
    #[must_use]
    pub fn has(&self, key: &[&str]) -> bool {
        self.get(key).is_some()
    }

    /// Stores a record, replacing one with the same ids.
    pub fn put(&mut self, record: R) {
        self.0.insert(joined(&record.key()), record);
    }

    /// Removes a record.
    pub fn remove(&mut self, key: &[&str]) -> Option<R> {
        self.0.remove(&joined(key))
    }

    /// All records.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.0.values()
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<R: Record> FromIterator<R> for Table<R> {
    fn from_iter<I: IntoIterator<Item = R>>(records: I) -> Self {
        let mut table = Self::default();
        records.into_iter().for_each(|record| table.put(record));
        table
    }
}

impl<R: Record> TryFrom<Vec<R>> for Table<R> {
    type Error = Twice;

    fn try_from(records: Vec<R>) -> Result<Self, Twice> {
        let mut table = Self::default();
        for record in records {
            let key = record.key();
            if table.has(&key) {
                return Err(Twice(key.join(", ")));
            }
            table.put(record);
        }
        Ok(table)
    }
}

impl<R> From<Table<R>> for Vec<R> {
    fn from(table: Table<R>) -> Self {
        table.0.into_values().collect()
    }
}
