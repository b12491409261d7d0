//! A source of settings, as `figment` merges them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

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
    /// The environment variable of this name, as it was spelled.
    Variable(String),
}

impl Origin {
    /// Where the value of a key came from.
    pub(crate) fn of(key: &Key, layers: &Figment) -> Self {
        let (section, name) = key.parts();
        let Some(metadata) = layers.find_metadata(&format!("{section}.{name}")) else { return Self::Default };
        match metadata.source.as_ref().and_then(Source::file_path) {
            Some(path) => Self::File(path.to_owned()),
            None => Self::Variable(metadata.interpolate(layers.profile(), &[section, name])),
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

/// What one source says, by the name of section and key: the key as it was spelled there, and the value.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    file: Option<PathBuf>,
    values: BTreeMap<(&'static str, &'static str), (String, Value)>,
}

impl Layer {
    pub(crate) fn of_file(path: &Path) -> Self {
        Self { file: Some(path.to_owned()), ..Self::default() }
    }

    /// Adds a value. One that another spelling of the key gives already has to be the same.
    pub(crate) fn add(&mut self, key: &Key, spelled: String, value: Value) -> Result<(), Problem> {
        match self.values.insert(key.parts(), (spelled.clone(), value.clone())) {
            Some((first, other)) if self.file.is_some() || other != value => {
                Err(Problem::Ambiguous { first, second: spelled })
            }
            _ => Ok(()),
        }
    }
}

impl Provider for Layer {
    /// Of a variable, `interpolate` gives the name as it was spelled.
    fn metadata(&self) -> Metadata {
        if let Some(path) = &self.file {
            return Metadata::from("file", path.as_path());
        }
        let spelled = |(&(section, key), (spelled, _)): (&(_, _), &(String, _))| ((section, key), spelled.clone());
        let names: BTreeMap<(&str, &str), String> = self.values.iter().map(spelled).collect();
        Metadata::named("environment").interpolater(move |_, path| {
            let name = path.first().zip(path.last()).and_then(|(section, key)| names.get(&(*section, *key)));
            name.cloned().unwrap_or_default()
        })
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut sections = BTreeMap::<&str, Dict>::new();
        for ((section, key), (_, value)) in &self.values {
            sections.entry(section).or_default().insert((*key).to_owned(), value.clone());
        }
        let sections = sections.into_iter().map(|(name, values)| (name.to_owned(), values.into())).collect();
        Ok(Profile::Default.collect(sections))
    }
}
