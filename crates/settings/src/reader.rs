//! Reads the sections one after the other, and collects what is wrong with any of them.

use figment::Figment;
use figment::error::Kind;
use figment::value::{Dict, Value};
use mgm_domain::roulette::Schedule;

use crate::error::{Problem, SettingsError};
use crate::key::Key;
use crate::layer::Origin;
use crate::sections::{Lengths, Section};
use crate::{Row, Sources, environment, file};

/// All layers, and what was read of them.
pub(crate) struct Reader {
    layers: Figment,
    rows: Vec<Row>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(crate) fn new(sources: &Sources) -> Self {
        let mut problems = Vec::new();
        let mut layers = Figment::new();
        if sources.accept_database_url {
            layers = layers.merge(environment::database_url(&sources.environment));
        }
        if let Some(path) = &sources.file {
            layers = layers.merge(file::read(path, &mut problems));
        }
        let [fallbacks, own] = environment::read(&sources.environment, &mut problems);
        Self { layers: layers.merge(fallbacks).merge(own), rows: Vec::new(), problems }
    }

    /// A section. What is wrong in it has its default.
    pub(crate) fn section<S: Section>(&mut self) -> S {
        let mut values = Dict::new();
        for key in S::KEYS {
            let (section, name) = key.parts();
            let Ok(value) = self.layers.find_value(&format!("{section}.{name}")) else { continue };
            // Each by itself, since `serde` ends with the first error.
            let alone = Value::from(Dict::from([(name.to_owned(), value.clone())]));
            match alone.deserialize::<S>() {
                Ok(_) => drop(values.insert(name.to_owned(), value)),
                Err(error) => self.problems.push(problem(key, error.kind, Origin::of(key, &self.layers))),
            }
        }
        let section = Value::from(values).deserialize::<S>().unwrap_or_default();
        let shown = Value::serialize(&section);
        for key in S::KEYS {
            let value = shown.as_ref().ok().and_then(|section| section.find_ref(key.parts().1)?.as_str());
            self.rows.push(Row {
                key: key.variable,
                file_key: key.in_file(),
                value: value.unwrap_or_default().to_owned(),
                origin: Origin::of(key, &self.layers),
                doc: key.meaning(),
            });
        }
        section
    }

    /// What the lengths of a cycle make together.
    pub(crate) fn schedule(&mut self) -> Schedule {
        let known = self.problems.len();
        let lengths: Lengths = self.section();
        lengths.schedule().unwrap_or_else(|error| {
            if self.problems.len() == known {
                let reason = error.to_string();
                self.problems.push(Problem::Refused { key: "Roulette__CycleSeconds", reason });
            }
            Schedule::default()
        })
    }

    /// Adds problems of settings that have none yet: one that cannot be read counts as not set.
    pub(crate) fn refuse(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            if !self.problems.iter().any(|known| known.key() == problem.key()) {
                self.problems.push(problem);
            }
        }
    }

    pub(crate) fn finish(self) -> Result<Vec<Row>, SettingsError> {
        SettingsError::unless_empty(self.problems).map(|()| self.rows)
    }
}

/// What `figment` says of a value, without the value.
fn problem(key: &Key, kind: Kind, origin: Origin) -> Problem {
    let key = key.variable;
    match kind {
        Kind::Message(reason) => Problem::Refused { key, reason },
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => Problem::Invalid { key, origin, expected },
        _ => Problem::Invalid { key, origin, expected: "another value".to_owned() },
    }
}
