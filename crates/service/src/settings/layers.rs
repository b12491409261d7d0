//! The layers of the configuration.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{Problem, SettingsError};
use super::value::{Expected, Value};

/// Where settings come from, beside the built-in defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file of `--config`.
    pub file: Option<PathBuf>,
    /// The environment, read once in `main`.
    pub environment: Vec<(String, String)>,
    /// Whether `DATABASE_URL` stands in for a connection string that is set nowhere else. Only the backend's own program
    /// says yes.
    pub accept_database_url: bool,
}

impl Sources {
    /// The environment of this process. What is not Unicode gets replacement characters.
    #[must_use]
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Self { file, environment, accept_database_url: false }
    }
}

/// One line of the table of settings.
#[derive(Debug)]
pub(super) struct Key {
    /// The environment variable.
    pub(super) variable: &'static str,
    /// A variable of the same meaning that loses against the first.
    pub(super) fallback: Option<&'static str>,
    /// `section.key` in the file.
    pub(super) file: &'static str,
    /// The lines of its documentation.
    pub(super) doc: &'static [&'static str],
}

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

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// One setting as it is in effect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The name of its environment variable.
    pub key: &'static str,
    /// Its name in the file, `section.key`.
    pub file_key: &'static str,
    /// Its value; a secret only says that it is set.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
    /// What it means.
    pub doc: String,
}

/// Sections whose unknown keys belong to somebody else.
const UNCHECKED: &[&str] = &["connectionstrings"];

/// Hands out the settings one by one, in the order of the table, and collects what is wrong.
#[derive(Debug)]
pub(super) struct Reader {
    keys: std::slice::Iter<'static, Key>,
    /// By name in lower case; the name as it was spelled, and the value.
    variables: HashMap<String, (String, String)>,
    /// By `section.key`, in lower case and without underscores; the name as it was spelled, and the value.
    entries: HashMap<String, (String, toml::Value)>,
    file: PathBuf,
    rows: Vec<Row>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(sources: &Sources, keys: &'static [Key]) -> Self {
        let mut reader = Self {
            keys: keys.iter(),
            variables: HashMap::new(),
            entries: HashMap::new(),
            file: sources.file.clone().unwrap_or_default(),
            rows: Vec::with_capacity(keys.len()),
            problems: Vec::new(),
        };
        if let Some(path) = &sources.file {
            reader.read_file(path, keys);
        }
        reader.read_environment(sources, keys);
        reader
    }

    fn read_environment(&mut self, sources: &Sources, keys: &'static [Key]) {
        for (name, value) in sources.environment.iter().filter(|(_, value)| !value.is_empty()) {
            let (variable, is_file) = named_by(name);
            let lower = variable.to_ascii_lowercase();
            let known = keys.iter().flat_map(|key| std::iter::once(key.variable).chain(key.fallback));
            if !known.clone().any(|known| known.eq_ignore_ascii_case(variable)) {
                if is_ours(&lower, keys) {
                    let nearest = nearest(&lower, keys, |key| key.variable);
                    let origin = Origin::Variable(name.clone());
                    self.problems.push(Problem::Unknown { key: name.clone(), origin, nearest });
                }
                continue;
            }
            let value = if is_file { self.content(name, value) } else { Some(value.clone()) };
            let Some(value) = value else { continue };
            if let Some((first, other)) = self.variables.insert(lower, (name.clone(), value.clone()))
                && other != value
            {
                self.problems.push(Problem::Ambiguous { first, second: name.clone() });
            }
        }
        let database = "connectionstrings__postgresql";
        if sources.accept_database_url
            && !self.variables.contains_key(database)
            && !self.entries.contains_key("connectionstrings.postgresql")
            && let Some(url) =
                sources.environment.iter().find(|(name, value)| name == "DATABASE_URL" && !value.is_empty())
        {
            self.variables.insert(database.to_owned(), url.clone());
        }
    }

    /// The text of a file that holds one value; none when it is empty. The end of its last line does not count.
    fn content(&mut self, variable: &str, path: &str) -> Option<String> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                (!text.is_empty()).then(|| text.to_owned())
            }
            Err(source) => {
                self.problems.push(Problem::UnreadableValue { variable: variable.to_owned(), source });
                None
            }
        }
    }

    fn read_file(&mut self, path: &Path, keys: &'static [Key]) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(source) => return self.problems.push(Problem::Unreadable { path: path.to_owned(), source }),
        };
        let table: toml::Table = match toml::from_str(&text) {
            Ok(table) => table,
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
                let message = error.message().to_owned();
                return self.problems.push(Problem::Syntax { path: path.to_owned(), line, message });
            }
        };
        for (section, value) in table {
            let toml::Value::Table(entries) = value else {
                self.unknown_entry(section, keys);
                continue;
            };
            for (key, value) in entries {
                let written = format!("{section}.{key}");
                let plain = without_underscores(&written);
                if !keys.iter().any(|key| without_underscores(key.file) == plain) {
                    if !UNCHECKED.contains(&without_underscores(&section).as_str()) {
                        self.unknown_entry(written, keys);
                    }
                } else if value.as_str() != Some("")
                    && let Some((first, _)) = self.entries.insert(plain, (written.clone(), value))
                {
                    self.problems.push(Problem::Ambiguous { first, second: written });
                }
            }
        }
    }

    fn unknown_entry(&mut self, key: String, keys: &'static [Key]) {
        let nearest = nearest(&key.to_ascii_lowercase(), keys, |key| key.file);
        self.problems.push(Problem::Unknown { key, origin: Origin::File(self.file.clone()), nearest });
    }

    /// The next setting of the table.
    pub(super) fn take<T: Value>(&mut self, default: T) -> T {
        let key = self.keys.next().expect("the table hands out each of its keys once");
        let variable = std::iter::once(key.variable)
            .chain(key.fallback)
            .find_map(|name| self.variables.get(&name.to_ascii_lowercase()));
        let (parsed, origin) = match (variable, self.entries.get(&without_underscores(key.file))) {
            (Some((name, text)), _) => (T::from_text(text).map(Some), Origin::Variable(name.clone())),
            (None, Some((_, value))) => (T::from_toml(value).map(Some), Origin::File(self.file.clone())),
            (None, None) => (Ok(None), Origin::Default),
        };
        let parsed = parsed.unwrap_or_else(|Expected(expected)| {
            self.problems.push(Problem::Invalid { key: key.variable, origin: origin.clone(), expected });
            None
        });
        let value = parsed.unwrap_or(default);
        let doc = key.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        self.rows.push(Row { key: key.variable, file_key: key.file, value: value.show(), origin, doc });
        value
    }

    /// Adds what the finished settings are refused for.
    pub(super) fn refuse(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
    }

    pub(super) fn finish(self) -> Result<Vec<Row>, SettingsError> {
        if self.problems.is_empty() { Ok(self.rows) } else { Err(SettingsError { problems: self.problems }) }
    }
}

/// The variable whose value `name` gives, and whether it does so by the name of a file.
fn named_by(name: &str) -> (&str, bool) {
    const SUFFIX: &str = "__File";
    match name.len().checked_sub(SUFFIX.len()).and_then(|length| name.split_at_checked(length)) {
        Some((variable, suffix)) if suffix.eq_ignore_ascii_case(SUFFIX) => (variable, true),
        _ => (name, false),
    }
}

/// Whether a variable, in lower case, stands under a section of ours and so must be a key of ours.
fn is_ours(variable: &str, keys: &[Key]) -> bool {
    variable.split_once("__").is_some_and(|(section, _)| {
        !UNCHECKED.contains(&section)
            && keys
                .iter()
                .filter_map(|key| key.variable.split_once("__"))
                .any(|(ours, _)| ours.eq_ignore_ascii_case(section))
    })
}

fn without_underscores(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "")
}

/// The key, as `spelled` writes it, that looks most like `name`, which is in lower case.
fn nearest(name: &str, keys: &'static [Key], spelled: fn(&Key) -> &'static str) -> &'static str {
    let distance = |key: &&Key| strsim::damerau_levenshtein(name, &spelled(key).to_ascii_lowercase());
    keys.iter().min_by_key(distance).map(spelled).expect("the table of settings is not empty")
}
