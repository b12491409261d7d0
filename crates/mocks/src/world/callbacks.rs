//! Where callbacks are called instead of at their addresses.

use std::collections::BTreeMap;

use mgm_twitch::eventsub::{MappedCallback, NotMapped};
use serde::{Deserialize, Serialize};
use url::Url;

/// The mapped callbacks; in a fixture a table from origin to origin.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Callbacks(Vec<MappedCallback>);

impl Callbacks {
    /// Adds a mapping, which replaces another one of the same origin.
    pub fn add(&mut self, mapped: MappedCallback) {
        self.0.retain(|other| other.from() != mapped.from());
        self.0.push(mapped);
    }

    /// The address to call for a callback.
    #[must_use]
    pub fn address(&self, callback: &Url) -> Url {
        self.0.iter().find_map(|mapped| mapped.address(callback)).unwrap_or_else(|| callback.clone())
    }
}

impl TryFrom<BTreeMap<String, String>> for Callbacks {
    type Error = NotMapped;

    fn try_from(texts: BTreeMap<String, String>) -> Result<Self, NotMapped> {
        texts.iter().map(|(from, to)| MappedCallback::new(from, to)).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Callbacks> for BTreeMap<String, String> {
    fn from(callbacks: Callbacks) -> Self {
        callbacks.0.iter().map(|mapped| (mapped.from().to_owned(), mapped.to())).collect()
    }
}
