//! The values of one source, as `figment` merges them.

use std::fmt;
use std::path::PathBuf;

use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider, Source};

use crate::error::Problem;
use crate::key::Key;

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The TOML file.
    File(PathBuf),
    /// The environment variable of this name, as spelled there.
    Variable(String),
}

impl Origin {
    /// Where the value of a key came from.
    pub(crate) fn of(key: &Key, layers: &Figment) -> Self {
        match layers.find_metadata(&key.path()) {
            Some(Metadata { source: Some(Source::File(path)), .. }) => Self::File(path.clone()),
            Some(Metadata { name, .. }) => Self::Variable(name.to_string()),
            None => Self::Default,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// One value from a source.
pub(crate) struct Given {
    pub(crate) key: &'static Key,
    /// The key's name as spelled there.
    pub(crate) spelled: String,
    pub(crate) file: Option<PathBuf>,
    pub(crate) value: Value,
}

impl Given {
    /// Adds it to its layer. If another spelling of the key has already set a value, both must be equal.
    pub(crate) fn add_to(self, layer: &mut Figment) -> Result<(), Problem> {
        let path = self.key.path();
        let is_same = layer.find_value(&path).is_ok_and(|other| other == self.value && self.file.is_none());
        if let Some(Metadata { name, .. }) = layer.find_metadata(&path).filter(|_| !is_same) {
            let said = format!("{name} and {} are the same setting, but have different values", self.spelled);
            return Err(Problem::new(said));
        }
        *layer = std::mem::take(layer).merge(self);
        Ok(())
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        let named = Metadata::named(self.spelled.clone());
        if let Some(file) = &self.file { named.source(file.as_path()) } else { named }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let nested = nest(&self.key.path(), self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}
