//! Reads the sections one after the other, and collects the problems of all of them.

use figment::Figment;
use figment::error::Kind;
use figment::value::{Dict, Value};

use crate::args::Sources;
use crate::error::{Problem, SettingsError};
use crate::key::{Key, Section};
use crate::layer::Origin;
use crate::{environment, file};

/// One setting in effect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The name of its environment variable.
    pub key: &'static str,
    /// Its name in the file, `section.key`.
    pub file_key: String,
    /// Its value; for a secret, only whether it is set.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
    /// What it means.
    pub doc: String,
}

/// All layers, and what was read from them.
pub(crate) struct Reader {
    /// The keys in the order of the documentation.
    keys: Vec<&'static Key>,
    layers: Figment,
    rows: Vec<Row>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(crate) fn new(sources: &Sources, keys: Vec<&'static Key>) -> Self {
        let mut problems = Vec::new();
        let file = sources.file.as_ref().map_or_else(Figment::new, |path| file::read(path, &keys, &mut problems));
        let [below, above, own] = environment::read(sources, &keys, &mut problems);
        Self { keys, layers: below.merge(file).merge(above).merge(own), rows: Vec::new(), problems }
    }

    /// Reads a section. An invalid value is replaced by its default.
    pub(crate) fn section<S: Section>(&mut self) -> S {
        let mut values = Dict::new();
        for key in S::KEYS {
            let Ok(value) = self.layers.find_value(&key.path()) else { continue };
            let name = key.parts().1.to_owned();
            // Each key separately, since `serde` stops at the first error. `figment`'s message would include the value.
            let alone = Value::from(Dict::from([(name.clone(), value.clone())]));
            let said = match alone.deserialize::<S>().map_err(|error| error.kind) {
                Ok(_) => {
                    values.insert(name, value);
                    continue;
                }
                Err(Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected)) => {
                    format!(" ({}): expected {expected}", Origin::of(key, &self.layers))
                }
                Err(Kind::Message(reason)) => format!(": {reason}"),
                Err(_) => ": expected another value".to_owned(),
            };
            self.problems.push(Problem::of(key.variable, said));
        }
        let section = Value::from(values).deserialize::<S>().unwrap_or_default();
        let shown = Value::serialize(&section).ok().and_then(Value::into_dict).unwrap_or_default();
        self.rows.extend(S::KEYS.iter().map(|key| Row {
            key: key.variable,
            file_key: key.in_file(),
            value: shown.get(key.parts().1).and_then(Value::as_str).unwrap_or_default().to_owned(),
            origin: Origin::of(key, &self.layers),
            doc: key.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
        }));
        section
    }

    /// Adds problems of settings that have none yet: an unreadable setting counts as not set.
    pub(crate) fn refuse(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            if !self.problems.iter().any(|known| known.key == problem.key) {
                self.problems.push(problem);
            }
        }
    }

    /// The rows, or all problems in the order of the documentation, those of unknown settings first.
    pub(crate) fn finish(mut self) -> Result<Vec<Row>, SettingsError> {
        let keys = &self.keys;
        self.problems.sort_by_key(|problem| keys.iter().position(|key| Some(key.variable) == problem.key));
        SettingsError::unless_empty(self.problems).map(|()| self.rows)
    }
}
